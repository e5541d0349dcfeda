import { transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { Data } from '../database.ts';

const ROWS_PER_BATCH = 2_000;
/** Any number, always the same: one replica cleans, the others pass. */
const CLEAN_UP_LOCK = 7_061_740_001;

/** Removes usage that is past its days, in small transactions that nobody waits for. The figures of it stay. */
export const cleanUsage = async (data: Data, days: number, signal?: AbortSignal): Promise<number> => {
  const before = new Date(data.clock.now().getTime() - days * 86_400_000);
  let total = 0;
  while (signal?.aborted !== true) {
    const removed = await transact(data, async ({ trx }) => {
      const lock = await sql<{ held: boolean }>`
        SELECT pg_try_advisory_xact_lock(${CLEAN_UP_LOCK}::bigint) AS held`.execute(trx);
      if (lock.rows[0]?.held !== true) return 0;
      const deleted = await sql`
        DELETE FROM tickets.integration_token_usage WHERE id IN (
          SELECT id FROM tickets.integration_token_usage WHERE created_at < ${before}
          ORDER BY created_at LIMIT ${ROWS_PER_BATCH}
        )
      `.execute(trx);
      return Number(deleted.numAffectedRows ?? 0);
    });
    total += removed;
    if (removed < ROWS_PER_BATCH) break;
  }
  return total;
};
