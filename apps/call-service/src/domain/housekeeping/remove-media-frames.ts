import { deleteMediaFrames } from '../calls/frame-repository.ts';
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
    const removed = await deleteMediaFrames(db, before, ROWS_PER_BATCH);
    total += removed;
    if (removed < ROWS_PER_BATCH) break;
  }
  return total;
};
