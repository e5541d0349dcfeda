import { sql } from 'kysely';
import type { Executor } from './executor.ts';
import { LOST } from './record-attempts.ts';

/**
 * Sets aside what waits for a disabled endpoint, the longest due first. What somebody works on is left to end, unless its
 * lease ran out: nobody takes it up again while the endpoint is disabled, so that its attempt is put on record as lost here.
 * Rows that are locked are being recorded right now, and waiting for them could deadlock with the transaction that does.
 * Call it again while it gives `rowsMax`.
 *
 * @param rowsMax small, so that nobody waits for the locks
 * @returns how many there were
 */
export const holdDeliveries = async (
  executor: Executor,
  endpointId: string,
  { now, rowsMax }: { readonly now: Date; readonly rowsMax: number },
): Promise<number> => {
  // By lane alone, which is the endpoint's id: with it beside, Postgres reads and sorts all that waits for each batch.
  const { numAffectedRows } = await sql`
    WITH waiting AS (
      SELECT id, attempt_count, leased_at, replay_id FROM webhook_deliveries
      WHERE lane = ${endpointId}::uuid::text AND status = 'pending'
        AND (lease_owner IS NULL OR due_at < ${now}::timestamptz)
      ORDER BY due_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    ), lost AS (
      INSERT INTO webhook_attempts (delivery_id, attempt_number, outcome, error, attempted_at, replay_id)
      SELECT id, attempt_count + 1, 'lost', ${LOST}, leased_at, replay_id FROM waiting WHERE leased_at IS NOT NULL
      ON CONFLICT DO NOTHING
    )
    UPDATE webhook_deliveries d
    SET status = 'held', due_at = NULL, lease_owner = NULL, leased_at = NULL,
      attempt_count = d.attempt_count + CASE WHEN waiting.leased_at IS NULL THEN 0 ELSE 1 END
    FROM waiting WHERE d.id = waiting.id`.execute(executor);
  return Number(numAffectedRows ?? 0);
};

/** Whether anything is kept for an endpoint. */
export const hasHeldDeliveries = async (executor: Executor, endpointId: string): Promise<boolean> => {
  const { rows } = await sql`
    SELECT FROM webhook_deliveries WHERE endpoint_id = ${endpointId}::uuid AND status = 'held' LIMIT 1`.execute(
    executor,
  );
  return rows.length > 0;
};
