import type { Data } from '../database.ts';
import { deleteTickets } from '../tickets/ticket-repository.ts';

/** For a while after its end the log of a refusal says "expired", not "unknown". */
const KEPT_SECONDS = 3_600;
const ROWS_PER_BATCH = 2_000;

/** Removes tickets that are good no more. Gives how many. */
export const removeTickets = async (
  { db, clock }: Pick<Data, 'db' | 'clock'>,
  signal?: AbortSignal,
): Promise<number> => {
  const before = new Date(clock.now().getTime() - KEPT_SECONDS * 1000);
  let total = 0;
  while (signal?.aborted !== true) {
    const removed = await deleteTickets(db, before, ROWS_PER_BATCH);
    total += removed;
    if (removed < ROWS_PER_BATCH) break;
  }
  return total;
};
