import { sql } from 'kysely';
import type { Executor } from '../../deliveries/executor.ts';
import type { Sent } from './types.ts';

/** A message goes to few endpoints; more are not looked at. */
const DELIVERIES_MAX = 20;
const ATTEMPTS_MAX = 20;
/** Secrets of other endpoints that one is compared with, while attempts of this process wait: the newest. */
const OTHER_SECRETS_MAX = 2_000;

/** Deliveries of a message, oldest first; those to one endpoint when it is named. */
export const findSent = async (
  executor: Executor,
  messageId: string,
  endpointId: string | null,
): Promise<readonly Sent[]> => {
  const { rows } = await sql<Sent>`
    SELECT d.id AS "deliveryId", d.endpoint_id AS "endpointId", d.profile, d.owner, d.status,
      d.attempt_count AS "attemptCount", m.body, d.secret ->> 'key_id' AS "keyId",
      (d.secret ->> 'version')::int AS "secretVersion"
    FROM webhook_messages m JOIN webhook_deliveries d ON d.message_id = m.id
    WHERE m.id = ${messageId} AND ${endpointId === null ? sql`true` : sql`d.endpoint_id = ${endpointId}`}
    ORDER BY d.id LIMIT ${DELIVERIES_MAX}`.execute(executor);
  return rows;
};

export interface Attempted {
  readonly attemptNumber: number;
  readonly attemptedAt: Date;
}

/** The newest attempts of a delivery. */
export const listAttemptTimes = async (
  executor: Executor,
  deliveryId: string,
): Promise<readonly Attempted[]> => {
  const { rows } = await sql<Attempted>`
    SELECT attempt_number AS "attemptNumber", attempted_at AS "attemptedAt" FROM webhook_attempts
    WHERE delivery_id = ${deliveryId} ORDER BY attempt_number DESC LIMIT ${ATTEMPTS_MAX}`.execute(executor);
  return rows;
};

export interface SealedSecret {
  readonly endpointId: string;
  readonly owner: string;
  readonly sealed: string;
  readonly expiresAt: Date | null;
}

/** Secrets of an endpoint, those that ended too, the current one first. */
export const listSealedSecrets = async (
  executor: Executor,
  endpointId: string,
): Promise<readonly SealedSecret[]> => {
  const { rows } = await sql<SealedSecret>`
    SELECT s.endpoint_id AS "endpointId", e.owner, s.secret_sealed AS sealed, s.expires_at AS "expiresAt"
    FROM webhook_endpoint_secrets s JOIN webhook_endpoints e ON e.id = s.endpoint_id
    WHERE s.endpoint_id = ${endpointId}
    ORDER BY s.expires_at IS NOT NULL, s.expires_at DESC, s.created_at DESC`.execute(executor);
  return rows;
};

/** Secrets of all other endpoints, newest first. */
export const listOtherSecrets = async (
  executor: Executor,
  endpointId: string | null,
): Promise<readonly SealedSecret[]> => {
  const { rows } = await sql<SealedSecret>`
    SELECT s.endpoint_id AS "endpointId", e.owner, s.secret_sealed AS sealed, s.expires_at AS "expiresAt"
    FROM webhook_endpoint_secrets s JOIN webhook_endpoints e ON e.id = s.endpoint_id
    WHERE ${endpointId === null ? sql`true` : sql`s.endpoint_id <> ${endpointId}`}
    ORDER BY s.created_at DESC LIMIT ${OTHER_SECRETS_MAX}`.execute(executor);
  return rows;
};
