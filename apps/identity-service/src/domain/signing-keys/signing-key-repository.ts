import type { PublicJwk } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/**
 * TERMINOLOGY — a key is *published* (others accept what it signed) from the moment it exists until `publishedUntil`, and
 * *signs* from `signsFrom` until `signsUntil`. Both ends are null while no newer key is there.
 */
export interface SigningKeyRecord {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privateKeyEncrypted: string;
  readonly createdAt: Date;
  readonly signsFrom: Date;
  readonly signsUntil: Date | null;
  readonly publishedUntil: Date | null;
}

/** One at a time makes or ends keys, whichever replica; until the transaction is over. */
export const lockSigningKeys = async (trx: Executor): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtext('identity.signing_keys'))`.execute(trx);
};

/** Newest first. */
export const listSigningKeys = async (executor: Executor): Promise<readonly SigningKeyRecord[]> => {
  const found = await sql<SigningKeyRecord>`
    SELECT kid, public_jwk AS "publicJwk", private_key_encrypted AS "privateKeyEncrypted", created_at AS "createdAt",
      signs_from AS "signsFrom", signs_until AS "signsUntil", published_until AS "publishedUntil"
    FROM identity.signing_keys ORDER BY signs_from DESC, created_at DESC, kid`.execute(executor);
  return found.rows;
};

export const insertSigningKey = async (
  trx: Executor,
  key: Pick<SigningKeyRecord, 'kid' | 'publicJwk' | 'privateKeyEncrypted' | 'createdAt' | 'signsFrom'>,
): Promise<void> => {
  await sql`
    INSERT INTO identity.signing_keys (kid, public_jwk, private_key_encrypted, created_at, signs_from)
    VALUES (${key.kid}, ${JSON.stringify(key.publicJwk)}, ${key.privateKeyEncrypted}, ${key.createdAt},
      ${key.signsFrom})`.execute(trx);
};

/** The others stop signing when this one begins, and stay published while a token of theirs may live. */
export const endOtherSigningKeys = async (
  trx: Executor,
  kid: string,
  end: { readonly signsUntil: Date; readonly publishedUntil: Date },
): Promise<void> => {
  await sql`
    UPDATE identity.signing_keys SET signs_until = ${end.signsUntil}, published_until = ${end.publishedUntil}
    WHERE kid <> ${kid} AND (signs_until IS NULL OR signs_until > ${end.signsUntil})`.execute(trx);
};

export const setSignsFrom = async (trx: Executor, kid: string, signsFrom: Date): Promise<void> => {
  await sql`UPDATE identity.signing_keys SET signs_from = ${signsFrom} WHERE kid = ${kid}`.execute(trx);
};

/** Gives the ids of those that were removed. */
export const deleteOtherSigningKeys = async (trx: Executor, kid: string): Promise<readonly string[]> => {
  const gone = await sql<{ kid: string }>`
    DELETE FROM identity.signing_keys WHERE kid <> ${kid} RETURNING kid`.execute(trx);
  return gone.rows.map((row) => row.kid);
};

export const deleteOverSigningKeys = async (trx: Executor, now: Date): Promise<readonly string[]> => {
  const gone = await sql<{ kid: string }>`
    DELETE FROM identity.signing_keys WHERE published_until <= ${now} RETURNING kid`.execute(trx);
  return gone.rows.map((row) => row.kid);
};
