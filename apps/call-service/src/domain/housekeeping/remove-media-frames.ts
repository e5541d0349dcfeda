import { sql } from 'kysely';
import type { Data } from '../database.ts';

/** Whoever reconnects after the end of a call has this long to read all of it. */
const KEPT_SECONDS = 3_600;
const ROWS_PER_BATCH = 2_000;

/**
 * Removes the audio negotiation of calls that ended an hour ago: it is most of what is kept of a call, shows addresses of
 * people's machines, and nobody has a use for it any more. Gives how many frames.
 */
export const removeMediaFrames = async (
  { db, clock }: Pick<Data, 'db' | 'clock'>,
  signal?: AbortSignal,
): Promise<number> => {
  const before = new Date(clock.now().getTime() - KEPT_SECONDS * 1000);
  let total = 0;
  while (signal?.aborted !== true) {
    // Found by the index that has media frames alone, so that the log is never looked through.
    const deleted = await sql`
      DELETE FROM calls.call_frames WHERE (call_id, sequence) IN (
        SELECT f.call_id, f.sequence FROM calls.call_frames f JOIN calls.calls c ON c.id = f.call_id
        WHERE f.type LIKE 'media.%' AND f.at < ${before} AND c.ended_at < ${before}
        ORDER BY f.at LIMIT ${ROWS_PER_BATCH} FOR UPDATE OF f SKIP LOCKED
      )`.execute(db);
    const removed = Number(deleted.numAffectedRows ?? 0);
    total += removed;
    if (removed < ROWS_PER_BATCH) break;
  }
  return total;
};
