import { randomBytes } from 'node:crypto';
import type { Ids } from '@switchboard/contracts';
import type { SecretBox } from '@switchboard/service-kit';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Executor } from '../deliveries/executor.ts';

/** Old secrets that sign beside the current one, at most: each makes the header of every attempt longer. */
const OLD_SECRETS_MAX = 5;

const SECRET_BYTES = 32;

/** `whsec_` and base64, as Standard Webhooks writes secrets. */
const generateSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/**
 * What a sealed text belongs to. Of a secret it is the endpoint, not the row: that is all that whoever signs knows of it,
 * and all that matters, for a secret that was moved to another endpoint does not open.
 */
export const secretContext = (endpointId: string): string => `webhook_endpoint_secrets.${endpointId}`;
export const headersContext = (endpointId: string): string => `webhook_endpoints.headers.${endpointId}`;

/** Null where there are none. */
export const sealHeaders = (
  box: SecretBox,
  endpointId: string,
  headers: Readonly<Record<string, string>>,
): string | null =>
  Object.keys(headers).length === 0 ? null : box.seal(JSON.stringify(headers), headersContext(endpointId));

const headersSchema = z.record(z.string(), z.string());

/** Headers of an endpoint as they are sent. */
export const readHeaders = (opened: string): Readonly<Record<string, string>> =>
  headersSchema.parse(JSON.parse(opened));

/** Null: they cannot be decrypted any more. */
export const openHeaders = (
  box: SecretBox,
  { id, headersSealed }: { readonly id: string; readonly headersSealed: string | null },
): Readonly<Record<string, string>> | null => {
  if (headersSealed === null) return {};
  try {
    return readHeaders(box.open(headersSealed, headersContext(id)));
  } catch {
    return null;
  }
};

export interface SecretMaker {
  readonly box: SecretBox;
  readonly ids: Ids;
}

/** Keeps a new current secret, encrypted, and gives it. The one before must have got its end. */
export const addSecret = async (
  trx: Executor,
  { box, ids }: SecretMaker,
  endpointId: string,
  at: Date,
): Promise<string> => {
  const secret = generateSecret();
  await sql`
    INSERT INTO webhook_endpoint_secrets (id, endpoint_id, secret_sealed, created_at)
    VALUES (${ids.next()}, ${endpointId}, ${box.seal(secret, secretContext(endpointId))}, ${at})`.execute(
    trx,
  );
  return secret;
};

/**
 * Gives the current secret an end, and removes all old ones but five: those that still sign stay before those that do not,
 * which are kept only to tell a receiver that it checks with one of them. Whoever calls it holds the endpoint.
 *
 * @param until `at`: it ends now
 */
export const endCurrentSecret = async (
  trx: Executor,
  endpointId: string,
  { at, until }: { readonly at: Date; readonly until: Date },
): Promise<void> => {
  await sql`
    UPDATE webhook_endpoint_secrets SET expires_at = ${until}
    WHERE endpoint_id = ${endpointId} AND expires_at IS NULL`.execute(trx);
  await sql`
    DELETE FROM webhook_endpoint_secrets
    WHERE endpoint_id = ${endpointId} AND id NOT IN (
      SELECT id FROM webhook_endpoint_secrets WHERE endpoint_id = ${endpointId}
      ORDER BY expires_at > ${at}::timestamptz DESC, created_at DESC, id DESC LIMIT ${OLD_SECRETS_MAX}
    )`.execute(trx);
};
