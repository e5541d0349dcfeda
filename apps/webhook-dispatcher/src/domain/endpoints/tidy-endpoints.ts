import type { DataContext } from '@switchboard/db';
import { sql } from 'kysely';
import { cancelDeliveries } from '../deliveries/cancel-deliveries.ts';
import type { Executor } from '../deliveries/executor.ts';
import { holdDeliveries } from '../deliveries/hold-deliveries.ts';

const ROWS_PER_BATCH = 1_000;
/** Kept this long after their end, to tell a receiver that it checks with an old one. */
const ENDED_SECRET_DAYS = 30;
const DAY_MS = 86_400_000;

interface Idle {
  readonly id: string;
  readonly isDeleted: boolean;
}

/** Endpoints that nothing is sent to and that something waits for, one probe of an index each. */
const findWaitedFor = async (executor: Executor): Promise<readonly Idle[]> => {
  const { rows } = await sql<Idle>`
    SELECT e.id, e.deleted_at IS NOT NULL AS "isDeleted" FROM webhook_endpoints e
    WHERE e.status = 'disabled' AND (
      EXISTS (SELECT FROM webhook_deliveries d WHERE d.lane = e.id::text AND d.status = 'pending')
      OR (e.deleted_at IS NOT NULL
        AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status = 'held'))
    )`.execute(executor);
  return rows;
};

/** Holds what waits for disabled endpoints, and cancels what waits for deleted ones, batch by batch. */
export const setAsideDeliveries = async (
  { db, clock }: Pick<DataContext<'webhooks'>, 'db' | 'clock'>,
  signal: AbortSignal,
): Promise<{ readonly held: number; readonly cancelled: number }> => {
  const total = { held: 0, cancelled: 0 };
  for (const { id, isDeleted } of await findWaitedFor(db)) {
    for (let count = ROWS_PER_BATCH; count >= ROWS_PER_BATCH && !signal.aborted; ) {
      const options = { now: clock.now(), rowsMax: ROWS_PER_BATCH };
      if (isDeleted) count = await cancelDeliveries(db, id, options);
      else count = await holdDeliveries(db, id, options);
      total[isDeleted ? 'cancelled' : 'held'] += count;
    }
  }
  return total;
};

/** Removes endpoints that were deleted so long ago that nothing sent to them is on record any more. Gives how many. */
export const removeDeletedEndpoints = async (
  executor: Executor,
  { now, days }: { readonly now: Date; readonly days: number },
): Promise<number> => {
  const deletedBefore = new Date(now.getTime() - days * DAY_MS);
  const { numAffectedRows } = await sql`
    DELETE FROM webhook_endpoints e
    WHERE e.deleted_at < ${deletedBefore}::timestamptz
      AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id)`.execute(executor);
  return Number(numAffectedRows ?? 0);
};

/** Removes secrets that ended long ago. Gives how many. */
export const removeEndedSecrets = async (executor: Executor, now: Date): Promise<number> => {
  const endedBefore = new Date(now.getTime() - ENDED_SECRET_DAYS * DAY_MS);
  const { numAffectedRows } = await sql`
    DELETE FROM webhook_endpoint_secrets WHERE expires_at < ${endedBefore}::timestamptz`.execute(executor);
  return Number(numAffectedRows ?? 0);
};
