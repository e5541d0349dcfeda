import { sql } from 'kysely';
import type { Executor } from './executor.ts';

export interface AttemptRecord {
  readonly deliveryId: string;
  readonly attemptNumber: number;
  readonly outcome: 'succeeded' | 'failed' | 'lost';
  readonly httpStatus: number | null;
  readonly answerHeaders: Record<string, string | string[]> | null;
  readonly answerBody: string | null;
  readonly durationMs: number | null;
  readonly error: string | null;
  readonly replayId: string | null;
  readonly attemptedAt: Date;
}

const COLUMNS = sql`
  a.delivery_id AS "deliveryId", a.attempt_number AS "attemptNumber", a.outcome, a.http_status AS "httpStatus",
  a.answer_headers AS "answerHeaders", a.answer_body AS "answerBody", a.duration_ms AS "durationMs", a.error,
  a.replay_id AS "replayId", a.attempted_at AS "attemptedAt"`;

/** Attempts of a delivery by number, newest first, one more than `limit` when there are more. */
export const listAttempts = async (
  executor: Executor,
  deliveryId: string,
  { limit, before }: { readonly limit: number; readonly before: number | null },
): Promise<readonly AttemptRecord[]> => {
  const { rows } = await sql<AttemptRecord>`
    SELECT ${COLUMNS} FROM webhook_attempts a
    WHERE a.delivery_id = ${deliveryId}::uuid
      AND ${before === null ? sql`true` : sql`a.attempt_number < ${before}::int`}
    ORDER BY a.attempt_number DESC LIMIT ${limit + 1}::int`.execute(executor);
  return rows;
};

/** The last attempt of each delivery that has one on record. */
export const findLastAttempts = async (
  executor: Executor,
  deliveryIds: readonly string[],
): Promise<ReadonlyMap<string, AttemptRecord>> => {
  const { rows } = await sql<AttemptRecord>`
    SELECT last.* FROM unnest(${deliveryIds}::uuid[]) AS delivery (id)
    CROSS JOIN LATERAL (
      SELECT ${COLUMNS} FROM webhook_attempts a WHERE a.delivery_id = delivery.id
      ORDER BY a.attempt_number DESC LIMIT 1
    ) AS last`.execute(executor);
  return new Map(rows.map((row) => [row.deliveryId, row]));
};
