import { displayPrefix, hashKey } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Config } from '../../config.ts';
import type { Data, Executor } from '../database.ts';
import { insertApiKey, provideAccount, replaceSecret } from './api-key-repository.ts';

const NAME = 'API_KEY of the environment';
const ACCOUNT = 'environment';
const RATE_LIMIT_PER_MINUTE = 100;
/** Any number, always the same: replicas that boot at once do it one after the other. */
const LOCK = 7_061_732_002;

interface Known {
  readonly id: string;
  readonly source: 'admin' | 'environment';
  readonly keyHash: string;
  readonly secretHash: string;
  readonly revoked: boolean;
}

/** The keys that speak for or against the pair: the one of the environment, and whoever has its key or secret. */
const findKnown = async (
  executor: Executor,
  keyHash: string,
  secretHash: string,
): Promise<readonly Known[]> => {
  const found = await sql<Known>`
    SELECT id, source, api_key_hash AS "keyHash", api_secret_hash AS "secretHash", revoked_at IS NOT NULL AS revoked
    FROM identity.api_keys
    WHERE (source = 'environment' AND revoked_at IS NULL) OR api_key_hash = ${keyHash} OR api_secret_hash = ${secretHash}
  `.execute(executor);
  return found.rows;
};

/** A key of any form may be short: never more than a third of it. */
const prefixOf = (key: string): string => displayPrefix(key.slice(0, Math.floor(key.length / 3)));

const provide = async (
  data: Data,
  executor: Executor,
  pair: { key: string; secret: string },
): Promise<void> => {
  const { log } = data;
  const at = data.clock.now();
  const keyHash = hashKey(pair.key);
  const secretHash = hashKey(pair.secret);
  const known = await findKnown(executor, keyHash, secretHash);
  const revoked = known.find((key) => key.revoked);
  if (revoked) {
    log.warn({ keyId: revoked.id }, 'API_KEY or API_SECRET was revoked, and that is final: set another pair');
    return;
  }
  const others = known.find((key) => key.source === 'admin' && key.keyHash === keyHash);
  if (others) {
    log.warn({ keyId: others.id }, 'API_KEY is a key that an administrator made: it stays as it is');
    return;
  }
  const present = known.find((key) => key.source === 'environment');
  if (!present) {
    const id = data.ids.next();
    const accountId = await provideAccount(executor, { id: data.ids.next(), name: ACCOUNT, at });
    await insertApiKey(executor, {
      id,
      name: NAME,
      accountId,
      keyHash,
      secretHash,
      keyPrefix: prefixOf(pair.key),
      source: 'environment',
      allowedIps: [],
      rateLimitPerMinute: RATE_LIMIT_PER_MINUTE,
      expiresAt: null,
      remindedDaysLeft: null,
      createdBy: null,
      at,
    });
    log.info({ keyId: id }, 'The pair of API_KEY and API_SECRET is an API key now');
    return;
  }
  if (present.keyHash === keyHash && present.secretHash === secretHash) return;
  await sql`
    UPDATE identity.api_keys SET api_key_hash = ${keyHash}, key_prefix = ${prefixOf(pair.key)} WHERE id = ${present.id}
  `.execute(executor);
  await replaceSecret(executor, { id: present.id, secretHash, oldSecretValidUntil: null }, at);
  log.info({ keyId: present.id }, 'API_KEY or API_SECRET changed: the pair of before ended');
};

/**
 * Sees to it that the pair of `API_KEY` and `API_SECRET` is an API key, in whatever form it is. A changed pair replaces
 * the one of before; one that was revoked stays so; without a pair nothing changes, and the log tells what is left.
 */
export const provideEnvironmentKey = async (data: Data, { key, secret }: Config['apiKeys']): Promise<void> =>
  transact(data, async ({ trx }) => {
    await sql`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`.execute(trx);
    if (key !== undefined && secret !== undefined) return provide(data, trx, { key, secret });
    if (key !== undefined || secret !== undefined) {
      data.log.warn({}, 'API_KEY and API_SECRET go together: one of them alone is not used');
    }
    const [left] = await findKnown(trx, '', '');
    if (left) {
      data.log.warn(
        { keyId: left.id },
        'API_KEY and API_SECRET are not set any more, and the key they made is still good: revoke it if it is not wanted',
      );
    }
  });
