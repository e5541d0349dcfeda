import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data, Executor } from '../database.ts';

const ROWS_PER_BATCH = 2_000;
/** Any number, always the same: one replica cleans, the others pass. */
const CLEAN_UP_LOCK = 7_061_732_001;

/** As the index has it that is for this alone. */
const AGE = sql`created_at AT TIME ZONE 'UTC'`;

const holdsLock = async (executor: Executor): Promise<boolean> => {
  const locked = await sql<{
    held: boolean;
  }>`SELECT pg_try_advisory_xact_lock(${CLEAN_UP_LOCK}::bigint) AS held`.execute(executor);
  return locked.rows[0]?.held === true;
};

/** Removes a batch of what is older than `before`, oldest first. */
export const deleteOldest = async (
  executor: Executor,
  table: 'partner_api_requests' | 'webhook_logs',
  before: Date,
): Promise<number> => {
  const name = sql.table(`partner.${table}`);
  const deleted = await sql`
    DELETE FROM ${name} WHERE id = ANY (ARRAY(
      SELECT id FROM ${name} WHERE ${AGE} < ${before}::timestamptz AT TIME ZONE 'UTC'
      ORDER BY ${AGE} LIMIT ${ROWS_PER_BATCH}
    ))
  `.execute(executor);
  return Number(deleted.numAffectedRows ?? 0);
};

export interface CleanedLogs {
  readonly requests: number;
  readonly webhookLogs: number;
}

/** Removes request and webhook logs that are past their days, in small transactions that nobody waits for. */
export const cleanLogs = async (data: Data, days: number, signal?: AbortSignal): Promise<CleanedLogs> => {
  const before = new Date(data.clock.now().getTime() - days * 86_400_000);
  const total = { requests: 0, webhookLogs: 0 };
  while (signal?.aborted !== true) {
    const batch = await transact(data, async ({ trx }) => {
      if (!(await holdsLock(trx))) return { requests: 0, webhookLogs: 0 };
      return {
        requests: await deleteOldest(trx, 'partner_api_requests', before),
        webhookLogs: await deleteOldest(trx, 'webhook_logs', before),
      };
    });
    total.requests += batch.requests;
    total.webhookLogs += batch.webhookLogs;
    if (Math.max(batch.requests, batch.webhookLogs) < ROWS_PER_BATCH) break;
  }
  return total;
};
