import { sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';

/** Deliveries of one replay that have just ended. */
export interface ReplayOutcomes {
  readonly replayId: string;
  readonly successful: number;
  /** Used up their schedule. */
  readonly failed: number;
}

/**
 * Counts how deliveries of replays ended; call it in the transaction that records their last attempts, with those alone
 * whose state it wrote, so that each is counted once. A replay whose last one this was is completed here; one whose
 * deliveries end otherwise (held again, cancelled) is completed by whoever paces it.
 */
export const noteReplayOutcomes = async (
  trx: Executor,
  outcomes: readonly ReplayOutcomes[],
  now: Date,
): Promise<void> => {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ replayId, successful, failed }) => ({ id: replayId, successful, failed }));
  // In the order of ids, so that two groups of attempts wait for each other and do not deadlock.
  await sql`
    WITH noted AS (
      SELECT id, sum(successful)::int AS successful, sum(failed)::int AS failed
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r (id uuid, successful int, failed int)
      GROUP BY id
    ), locked AS (
      SELECT r.id, r.successful + noted.successful AS successful, r.failed + noted.failed AS failed,
        r.status = 'running' AND r.looked_through_at IS NOT NULL
          AND r.successful + noted.successful + r.failed + noted.failed >= r.scheduled AS is_last
      FROM webhook_replays r JOIN noted ON noted.id = r.id
      ORDER BY r.id FOR NO KEY UPDATE OF r
    )
    UPDATE webhook_replays r
    SET successful = locked.successful, failed = locked.failed,
      status = CASE WHEN is_last THEN 'completed' ELSE r.status END,
      finished_at = CASE WHEN is_last THEN ${now}::timestamptz ELSE r.finished_at END,
      skipped = CASE WHEN is_last THEN greatest(r.skipped, r.total - locked.successful - locked.failed) ELSE r.skipped END
    FROM locked WHERE r.id = locked.id`.execute(trx);
};
