import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';
import type { Replay } from './types.ts';

const pendingOf = (replay: Replay): RawBuilder<unknown> =>
  sql`d.replay_id = ${replay.id}::uuid AND d.status = 'pending'`;

/** Whether any that it put in line is still on its way, due or not. */
export const hasPending = async (executor: Executor, replay: Replay): Promise<boolean> => {
  const { rows } = await sql`
    SELECT FROM webhook_deliveries d WHERE ${pendingOf(replay)} LIMIT 1`.execute(executor);
  return rows.length > 0;
};

/**
 * How many of its own are due and not taken by anybody, at most `max` of each lane. Lanes whose circuit is open wait for
 * themselves alone, and are left out unless they are all that there is: one dead endpoint must not hold up what is sent again
 * to the others.
 *
 * One probe of an index for each lane that it put anything in.
 */
export const countWaiting = async (
  executor: Executor,
  replay: Replay,
  now: Date,
  max: number,
): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    WITH RECURSIVE lanes AS (
      (SELECT d.lane FROM webhook_deliveries d WHERE ${pendingOf(replay)} ORDER BY d.lane LIMIT 1)
      UNION ALL
      SELECT (SELECT d.lane FROM webhook_deliveries d
              WHERE ${pendingOf(replay)} AND d.lane > lanes.lane ORDER BY d.lane LIMIT 1)
      FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT coalesce(sum(waiting.count), 0)::int AS count
    FROM lanes CROSS JOIN LATERAL (
      SELECT count(*) FROM (
        SELECT FROM webhook_deliveries d
        WHERE ${pendingOf(replay)} AND d.lane = lanes.lane AND d.due_at <= ${now}::timestamptz
        LIMIT ${max}::int
      ) AS due
    ) AS waiting
    WHERE lanes.lane IS NOT NULL AND (
      ${replay.endpoint_id !== null}::boolean OR NOT EXISTS (
        SELECT FROM webhook_endpoint_health h
        WHERE h.endpoint_id = CASE WHEN lanes.lane ~ '^[0-9a-f-]{36}$' THEN lanes.lane::uuid END
          AND h.circuit_open_until > ${now}::timestamptz
      )
    )`.execute(executor);
  return rows[0]?.count ?? 0;
};
