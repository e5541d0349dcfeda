import { sql } from 'kysely';
import type { Executor } from './executor.ts';

/**
 * Cancels what waits for a deleted endpoint, held or not. What somebody works on is left to end, unless its lease ran out:
 * nobody takes it up again. Call it again while it gives anything.
 *
 * @param rowsMax of each state; small, so that nobody waits for the locks
 * @returns how many there were
 */
export const cancelDeliveries = async (
  executor: Executor,
  endpointId: string,
  { now, rowsMax }: { readonly now: Date; readonly rowsMax: number },
): Promise<number> => {
  const { numAffectedRows } = await sql`
    WITH pending AS (
      SELECT id FROM webhook_deliveries
      WHERE lane = ${endpointId}::uuid::text AND status = 'pending'
        AND (lease_owner IS NULL OR due_at < ${now}::timestamptz)
      ORDER BY due_at LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    ), held AS (
      SELECT id FROM webhook_deliveries WHERE endpoint_id = ${endpointId}::uuid AND status = 'held'
      ORDER BY created_at DESC, id DESC LIMIT ${rowsMax}::int FOR UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries
    SET status = 'cancelled', due_at = NULL, lease_owner = NULL, leased_at = NULL, finished_at = ${now}::timestamptz
    WHERE id IN (SELECT id FROM pending UNION ALL SELECT id FROM held)`.execute(executor);
  return Number(numAffectedRows ?? 0);
};
