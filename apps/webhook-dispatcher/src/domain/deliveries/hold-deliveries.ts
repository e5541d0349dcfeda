import { sql } from 'kysely';
import type { Executor } from './executor.ts';

/**
 * Sets aside what waits for a disabled endpoint, the longest due first. What somebody works on is left to end; rows that are
 * locked are being recorded right now, and waiting for them could deadlock with the transaction that does. Call it again
 * while it gives `rowsMax`.
 *
 * @param rowsMax small, so that nobody waits for the locks
 * @returns how many there were
 */
export const holdDeliveries = async (
  executor: Executor,
  endpointId: string,
  rowsMax: number,
): Promise<number> => {
  // By lane alone, which is the endpoint's id: with it beside, Postgres reads and sorts all that waits for each batch.
  const { numAffectedRows } = await sql`
    UPDATE webhook_deliveries SET status = 'held', due_at = NULL
    WHERE id IN (
      SELECT id FROM webhook_deliveries
      WHERE lane = ${endpointId}::uuid::text AND status = 'pending' AND lease_owner IS NULL
      ORDER BY due_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )`.execute(executor);
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
