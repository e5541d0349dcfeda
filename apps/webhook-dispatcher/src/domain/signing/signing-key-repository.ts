import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

export interface SigningKeyRecord {
  readonly id: string;
  /** The 32 bytes of it. */
  readonly publicKey: Buffer;
  readonly privateKeySealed: string;
  readonly createdAt: Date;
  /** Null: the current one. The others sign until then, beside it. */
  readonly expiresAt: Date | null;
}

const COLUMNS = sql`
  id, public_key AS "publicKey", private_key_sealed AS "privateKeySealed", created_at AS "createdAt",
  expires_at AS "expiresAt"`;

/** Keys that sign now, the current one first. */
export const listLiveSigningKeys = async (
  executor: Executor,
  now: Date,
): Promise<readonly SigningKeyRecord[]> => {
  const { rows } = await sql<SigningKeyRecord>`
    SELECT ${COLUMNS} FROM webhook_signing_keys
    WHERE expires_at IS NULL OR expires_at > ${now}::timestamptz
    ORDER BY expires_at IS NOT NULL, created_at DESC, id DESC`.execute(executor);
  return rows;
};

/** One changes the keys at a time: two first keys, or two rotations, come one after the other. */
export const lockSigningKeys = async (trx: Executor): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtext('webhooks.signing_keys'))`.execute(trx);
};

export const insertSigningKey = async (
  trx: Executor,
  key: Omit<SigningKeyRecord, 'expiresAt'>,
): Promise<void> => {
  await sql`
    INSERT INTO webhook_signing_keys (id, public_key, private_key_sealed, created_at)
    VALUES (${key.id}, ${key.publicKey}, ${key.privateKeySealed}, ${key.createdAt})`.execute(trx);
};

/** Gives the current key an end, and removes those that signed their last and all but the newest `oldMax`. */
export const endCurrentSigningKey = async (
  trx: Executor,
  { at, until, oldMax }: { readonly at: Date; readonly until: Date; readonly oldMax: number },
): Promise<void> => {
  await sql`UPDATE webhook_signing_keys SET expires_at = ${until} WHERE expires_at IS NULL`.execute(trx);
  await sql`
    DELETE FROM webhook_signing_keys
    WHERE expires_at <= ${at}::timestamptz
      OR id NOT IN (SELECT id FROM webhook_signing_keys ORDER BY created_at DESC, id DESC LIMIT ${oldMax})`.execute(
    trx,
  );
};
