import { transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { deleteAttachment, listPendingBefore, lockPending } from './attachment-repository.ts';

const PENDING_MS_MAX = 3_600_000;
/** Well before it could be removed: clocks differ. */
export const COMMIT_MS_MAX = PENDING_MS_MAX / 2;
const ROWS_PER_BATCH = 100;

/**
 * Gives up an upload that did not become an attachment: its bytes first, so that whatever is stored has a row. Under the row's
 * lock, so that nobody makes an attachment of it meanwhile. What is none any more stays.
 */
export const dropPending = (
  { data, storage }: Pick<Deps, 'data' | 'storage'>,
  id: string,
): Promise<boolean> =>
  transact(data, async ({ trx }) => {
    const row = await lockPending(trx, id);
    if (!row) return false;
    await storage.delete(row.storage_key);
    await deleteAttachment(trx, row.id);
    return true;
  });

/** Removes uploads whose process died. Gives how many. */
export const removePending = async (
  deps: Pick<Deps, 'data' | 'storage'>,
  signal?: AbortSignal,
): Promise<number> => {
  const before = new Date(deps.data.clock.now().getTime() - PENDING_MS_MAX);
  let total = 0;
  while (signal?.aborted !== true) {
    const found = await listPendingBefore(deps.data.db, before, ROWS_PER_BATCH);
    for (const { id } of found) if (await dropPending(deps, id)) total += 1;
    if (found.length < ROWS_PER_BATCH) break;
  }
  return total;
};
