import { sql } from 'kysely';
import type { Executor } from './executor.ts';

const DAY_MS = 86_400_000;

export interface Retention {
  readonly payloadDays: number;
  readonly attemptDays: number;
}

export interface Removed {
  readonly bodies: number;
  readonly attempts: number;
  readonly deliveries: number;
}

const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

/**
 * Removes a small batch of what is kept no longer, oldest first and by index: bodies of messages that are over,
 * attempts, and deliveries that ended with their messages. Call again while it removes anything.
 *
 * @param rowsMax of each kind; small, so that nobody waits for the locks
 */
export const removeOldRows = async (
  executor: Executor,
  retention: Retention,
  now: Date,
  rowsMax: number,
): Promise<Removed> => {
  const bodiesBefore = daysBefore(now, retention.payloadDays);
  const attemptsBefore = daysBefore(now, retention.attemptDays);
  const bodies = await sql`
    UPDATE webhook_messages SET body = NULL
    WHERE id IN (
      SELECT m.id FROM webhook_messages m
      WHERE m.body IS NOT NULL AND m.created_at < ${bodiesBefore}
        AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.message_id = m.id AND d.status = 'pending')
      ORDER BY m.created_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )`.execute(executor);
  const attempts = await sql`
    DELETE FROM webhook_attempts
    WHERE (delivery_id, attempt_number) IN (
      SELECT delivery_id, attempt_number FROM webhook_attempts
      WHERE attempted_at < ${attemptsBefore}
      ORDER BY attempted_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )`.execute(executor);
  const deliveries = await sql<{ message_id: string }>`
    DELETE FROM webhook_deliveries
    WHERE id IN (
      SELECT id FROM webhook_deliveries
      WHERE status <> 'pending' AND finished_at < ${attemptsBefore}
      ORDER BY finished_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    ) RETURNING message_id`.execute(executor);
  const messageIds = deliveries.rows.map((row) => row.message_id);
  await sql`
    DELETE FROM webhook_messages m
    WHERE m.id = ANY (${messageIds}::text[])
      AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.message_id = m.id)`.execute(executor);
  return {
    bodies: Number(bodies.numAffectedRows ?? 0),
    attempts: Number(attempts.numAffectedRows ?? 0),
    deliveries: deliveries.rows.length,
  };
};
