import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type DataContext, transact } from '@switchboard/db';
import type { SecretBox } from '@switchboard/service-kit';
import type { Executor } from '../deliveries/executor.ts';
import {
  endCurrentSigningKey,
  insertSigningKey,
  listLiveSigningKeys,
  lockSigningKeys,
  type SigningKeyRecord,
} from './signing-key-repository.ts';

/** An ed25519 key of the platform in memory. */
export interface SigningKey {
  readonly id: string;
  readonly publicKey: Buffer;
  /** Null: it cannot be decrypted any more, and signs nothing. */
  readonly privateKey: KeyObject | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

/** A fault of ours, which says nothing about whom something was to be signed for: Postgres is away, and no key was read before. */
export class KeysAwayError extends Error {
  constructor(cause: unknown) {
    super('not sent: the keys that sign could not be read', { cause });
    this.name = 'KeysAwayError';
  }
}

/** The keys that sign beside the secrets of endpoints, made at the first need by whichever process is first. */
export interface SigningKeys {
  /** Those that sign now, the current one first; a rotation elsewhere is seen within `REREAD_AFTER_MS`. @throws KeysAwayError */
  live(): Promise<readonly SigningKey[]>;
  /** Reads them again before the next answer. */
  forget(): void;
}

/**
 * Nobody waits for a rotation: old and new sign side by side during the overlap, so a receiver that kept the key set from
 * before still finds a signature of a key that it knows. With no overlap (a key that got known) other processes sign with the
 * old key so long; a receiver that refuses it gets the message again by its schedule.
 */
const REREAD_AFTER_MS = 15_000;

interface Read {
  readonly keys: readonly SigningKey[];
  readonly readAtMs: number;
}

/** Old keys that sign beside the current one, at most: each makes the header of every attempt longer. */
const OLD_KEYS_MAX = 5;

export const signingKeyContext = (id: string): string => `webhook_signing_keys.${id}`;

type MakerContext = Pick<DataContext<'webhooks'>, 'clock' | 'ids'>;

const makeKey = async (trx: Executor, { clock, ids }: MakerContext, box: SecretBox): Promise<void> => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const id = ids.next();
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await insertSigningKey(trx, {
    id,
    publicKey: Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url'),
    privateKeySealed: box.seal(pem, signingKeyContext(id)),
    createdAt: clock.now(),
  });
};

/** Makes a new current key, within a transaction; the one before signs until the overlap ends. Gives those that sign now. */
export const replaceSigningKey = async (
  trx: Executor,
  ctx: MakerContext,
  box: SecretBox,
  { overlapSeconds }: { readonly overlapSeconds: number },
): Promise<readonly SigningKeyRecord[]> => {
  await lockSigningKeys(trx);
  const at = ctx.clock.now();
  const until = new Date(at.getTime() + overlapSeconds * 1000);
  await endCurrentSigningKey(trx, { at, until, oldMax: OLD_KEYS_MAX });
  await makeKey(trx, ctx, box);
  return listLiveSigningKeys(trx, at);
};

const ensureKeys = (ctx: DataContext<'webhooks'>, box: SecretBox): Promise<readonly SigningKeyRecord[]> =>
  transact(ctx, async ({ trx }) => {
    await lockSigningKeys(trx);
    const found = await listLiveSigningKeys(trx, ctx.clock.now());
    if (found.some((key) => key.expiresAt === null)) return found;
    await makeKey(trx, ctx, box);
    return listLiveSigningKeys(trx, ctx.clock.now());
  });

export const createSigningKeys = (ctx: DataContext<'webhooks'>, box: SecretBox): SigningKeys => {
  const opened = new Map<string, KeyObject | null>();
  let kept: Read | null = null;
  let reading: Promise<readonly SigningKey[]> | null = null;

  const open = ({ id, privateKeySealed }: SigningKeyRecord): KeyObject | null => {
    const known = opened.get(id);
    if (known !== undefined) return known;
    let privateKey: KeyObject | null = null;
    try {
      privateKey = createPrivateKey(box.open(privateKeySealed, signingKeyContext(id)));
    } catch (error) {
      ctx.log.error(
        { err: error, signingKeyId: id },
        'A key that signs webhooks cannot be decrypted, and signs nothing: WEBHOOK_ENCRYPTION_KEY has changed; rotate the signing key',
      );
    }
    opened.set(id, privateKey);
    return privateKey;
  };

  const read = async (): Promise<Read> => {
    const now = ctx.clock.now();
    let records = await listLiveSigningKeys(ctx.db, now);
    if (!records.some((record) => record.expiresAt === null)) records = await ensureKeys(ctx, box);
    const keys = records.map((record) => ({ ...record, privateKey: open(record) }));
    for (const id of opened.keys()) if (!keys.some((key) => key.id === id)) opened.delete(id);
    return { keys, readAtMs: now.getTime() };
  };

  /** What was being read when it was to be forgotten may be older than why, and is not kept. */
  const readOnce = (): Promise<readonly SigningKey[]> => {
    if (reading !== null) return reading;
    const mine = read()
      .then((found) => {
        if (reading === mine) kept = found;
        return found.keys;
      })
      .finally(() => {
        if (reading === mine) reading = null;
      });
    reading = mine;
    return mine;
  };

  return {
    async live() {
      if (kept === null) {
        return readOnce().catch((error: unknown) => {
          throw new KeysAwayError(error);
        });
      }
      // Beside the attempts: none of them waits, and while Postgres is away the keys that are known go on signing.
      const nowMs = ctx.clock.now().getTime();
      if (Math.abs(nowMs - kept.readAtMs) > REREAD_AFTER_MS) {
        void readOnce().catch((error) =>
          ctx.log.warn({ err: error }, 'The keys that sign webhooks could not be read; trying on'),
        );
      }
      return kept.keys.filter((key) => key.expiresAt === null || key.expiresAt.getTime() > nowMs);
    },
    forget() {
      kept = null;
      reading = null;
    },
  };
};
