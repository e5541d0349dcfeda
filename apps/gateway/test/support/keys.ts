import { randomBytes } from 'node:crypto';
import type { Bus } from '@switchboard/bus';
import {
  completeKey,
  createUuidV7Ids,
  type Environment,
  hashKey,
  keyPrefixes,
  type Permissions,
  partnerEvents,
  partnerRpcs,
} from '@switchboard/contracts';
import type { z } from 'zod';

type Reply = z.input<typeof partnerRpcs.verifyKey.reply>;
type Good = Extract<Reply, { ok: true }>;

export interface TestPair {
  readonly key: string;
  readonly secret: string;
  readonly keyId: string;
  readonly headers: { readonly authorization: string; readonly 'x-api-secret': string };
}

export interface PairOptions {
  readonly environment?: Environment;
  /** The environment of the row, when it shall differ from the key's. */
  readonly rowEnvironment?: Environment;
  readonly permissions?: Permissions;
  readonly allowedIps?: string[];
  readonly limitPerMinute?: number;
  readonly validUntil?: string | null;
}

const ids = createUuidV7Ids();
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const draw = () => [...randomBytes(30)].map((byte) => ALPHABET[byte % 62]).join('');

export const makeKey = (prefix: string): string => completeKey(prefix + draw());

export const headersOf = (key: string, secret: string) => ({
  authorization: `Bearer ${key}`,
  'x-api-secret': secret,
});

/** Answers the question about keys over the real NATS, from a table: what partner-service does from its own. */
export const createKeyOwner = (bus: Bus) => {
  const replies = new Map<string, Reply>();
  let questions = 0;
  let holdUp: Promise<void> = Promise.resolve();
  const answer = () =>
    bus.respond(partnerRpcs.verifyKey, async ({ key_hash, secret_hash }) => {
      questions += 1;
      await holdUp;
      const refusal: Reply = {
        ok: false,
        reason: replies.has(key_hash) ? 'wrong_secret' : 'unknown_key',
        key_id: null,
      };
      return replies.get(`${key_hash}:${secret_hash}`) ?? refusal;
    });
  let responder = answer();

  return {
    get questions() {
      return questions;
    },
    issue(options: PairOptions = {}): TestPair {
      const environment = options.environment ?? 'sandbox';
      const prefix = environment === 'sandbox' ? keyPrefixes.partnerSandbox : keyPrefixes.partnerProduction;
      const key = makeKey(prefix);
      const secret = makeKey(keyPrefixes.partnerSecret);
      const keyId = ids.next();
      const good: Good = {
        ok: true,
        principal: {
          kind: 'partner_key',
          key_id: keyId,
          partner_id: ids.next(),
          partner_name: 'Test Partner',
          environment: options.rowEnvironment ?? environment,
          company_id: null,
          permissions: options.permissions ?? { all: true },
        },
        allowed_ips: options.allowedIps ?? [],
        rate_limit_per_minute: options.limitPerMinute ?? 1000,
        valid_until: options.validUntil ?? null,
      };
      replies.set(`${hashKey(key)}:${hashKey(secret)}`, good);
      replies.set(hashKey(key), good);
      return { key, secret, keyId, headers: headersOf(key, secret) };
    },
    /** The pair is refused from now on; the gateways hear of it unless `quietly`. */
    async refuse(
      pair: TestPair,
      reason: 'disabled' | 'expired' | 'unknown_key' | 'wrong_secret',
      options: { quietly?: boolean } = {},
    ): Promise<void> {
      replies.set(`${hashKey(pair.key)}:${hashKey(pair.secret)}`, { ok: false, reason, key_id: pair.keyId });
      if (options.quietly) return;
      await bus.publishEvent(
        partnerEvents.keyChanged,
        { key_id: pair.keyId, change: 'revoked' },
        { source: 'partner-service' },
      );
    },
    /** The key has another limit from now on; the gateways hear of it. */
    async setLimit(pair: TestPair, limitPerMinute: number): Promise<void> {
      const id = `${hashKey(pair.key)}:${hashKey(pair.secret)}`;
      const reply = replies.get(id);
      if (!reply?.ok) throw new TypeError('only a good pair has a limit');
      replies.set(id, { ...reply, rate_limit_per_minute: limitPerMinute });
      await bus.publishEvent(
        partnerEvents.keyChanged,
        { key_id: pair.keyId, change: 'updated' },
        { source: 'partner-service' },
      );
    },
    /** Makes answers wait; gives the function that lets them go. */
    holdAnswers(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      holdUp = promise;
      return resolve;
    },
    async leave(): Promise<void> {
      await responder.stop();
    },
    comeBack(): void {
      responder = answer();
    },
  };
};
export type KeyOwner = ReturnType<typeof createKeyOwner>;
