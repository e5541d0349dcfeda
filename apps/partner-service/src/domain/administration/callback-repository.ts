import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** A callback as the webhook log knows it. */
export interface LoggedDelivery {
  readonly deliveryId: string;
  readonly jobId: string;
  readonly keyId: string | null;
}

export const findDelivery = async (
  executor: Executor,
  deliveryId: string,
): Promise<LoggedDelivery | null> => {
  const found = await sql<LoggedDelivery>`
    SELECT delivery_id AS "deliveryId", async_job_id AS "jobId", partner_api_key_id AS "keyId"
    FROM partner.webhook_logs WHERE delivery_id = ${deliveryId} LIMIT 1`.execute(executor);
  return found.rows[0] ?? null;
};

/** A callback that nobody tries again by itself, by its last attempt. */
export interface GivenUp extends Position {
  readonly deliveryId: string;
}

/** Callbacks of a key whose last attempt failed and is followed by none, newest first. */
export const listGivenUp = async (
  executor: Executor,
  keyId: string,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly GivenUp[]> => {
  const { after } = page;
  const found = await sql<GivenUp>`
    SELECT l.id, l.delivery_id AS "deliveryId", l.created_at AS "createdAt"
    FROM partner.webhook_logs l
    WHERE l.partner_api_key_id = ${keyId} AND NOT l.success AND l.next_attempt_at IS NULL
      AND NOT EXISTS (
        SELECT FROM partner.webhook_logs later
        WHERE later.delivery_id = l.delivery_id AND later.attempt_number > l.attempt_number
      )
      AND ${after ? sql`(l.created_at, l.id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY l.created_at DESC, l.id DESC
    LIMIT ${page.limit}`.execute(executor);
  return found.rows;
};

/** The attempt whose outcome is waited for. */
export interface AwaitedAttempt {
  readonly deliveryId: string;
  readonly attemptNumber: number;
}

export interface Outcome {
  readonly deliveryId: string;
  readonly success: boolean;
}

/** What became of deliveries: those whose attempt, or one after it, succeeded or was the last. */
export const findOutcomes = async (
  executor: Executor,
  awaited: readonly AwaitedAttempt[],
): Promise<readonly Outcome[]> => {
  const found = await sql<Outcome>`
    SELECT a.delivery_id AS "deliveryId", bool_or(l.success) AS success
    FROM unnest(
      ${awaited.map((one) => one.deliveryId)}::uuid[], ${awaited.map((one) => one.attemptNumber)}::integer[]
    ) AS a (delivery_id, attempt_number)
    JOIN partner.webhook_logs l ON l.delivery_id = a.delivery_id AND l.attempt_number >= a.attempt_number
    WHERE l.success OR l.next_attempt_at IS NULL
    GROUP BY a.delivery_id`.execute(executor);
  return found.rows;
};
