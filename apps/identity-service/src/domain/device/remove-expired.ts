import { sql } from 'kysely';
import type { Data } from '../database.ts';

const HOUR_MS = 3_600_000;

/** What is over, and when it may go: a device that comes late is told for a day that its code is too old. */
const LEFTOVERS = [
  { table: 'oauth_flows', column: 'expires_at', keptMs: HOUR_MS },
  { table: 'device_authorizations', column: 'expires_at', keptMs: 24 * HOUR_MS },
  { table: 'page_sessions', column: 'expires_at', keptMs: 0 },
  { table: 'user_code_tries', column: 'counts_until', keptMs: 0 },
] as const;

/** Removes sign-ins that are over: of devices, with providers and at our pages. Gives how many of each. */
export const removeExpiredSignIns = async (data: Data): Promise<Record<string, number>> => {
  const removed: Record<string, number> = {};
  for (const { table, column, keptMs } of LEFTOVERS) {
    const before = new Date(data.clock.now().getTime() - keptMs);
    const deleted = await sql`
      DELETE FROM ${sql.table(`identity.${table}`)} WHERE ${sql.ref(column)} <= ${before}
    `.execute(data.db);
    removed[table] = Number(deleted.numAffectedRows ?? 0);
  }
  return removed;
};
