import { transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import {
  deleteAttachment,
  listPendingBefore,
  lockPending,
  type PendingUpload,
} from './attachment-repository.ts';

const PENDING_MS_MAX = 3_600_000;
/** Well before it could be removed: clocks differ. */
export const COMMIT_MS_MAX = PENDING_MS_MAX / 2;
const ROWS_PER_BATCH = 100;
/** A file that cannot be deleted keeps no other one; after so many of them it is the storage that is away. */
const FAULTS_MAX = 10;

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

/**
 * Removes uploads whose process died. Gives how many.
 *
 * @throws the first fault of the storage, after the others were tried
 */
export const removePending = async (
  deps: Pick<Deps, 'data' | 'storage'>,
  signal?: AbortSignal,
): Promise<number> => {
  const before = new Date(deps.data.clock.now().getTime() - PENDING_MS_MAX);
  const faults: unknown[] = [];
  let total = 0;
  let last: PendingUpload | null = null;
  while (signal?.aborted !== true && faults.length < FAULTS_MAX) {
    const found: readonly PendingUpload[] = await listPendingBefore(deps.data.db, before, {
      after: last,
      limit: ROWS_PER_BATCH,
    });
    for (const { id } of found) {
      if (faults.length === FAULTS_MAX) break;
      try {
        if (await dropPending(deps, id)) total += 1;
      } catch (error) {
        faults.push(error);
      }
    }
    last = found.at(-1) ?? null;
    if (found.length < ROWS_PER_BATCH) break;
  }
  if (faults.length > 0) throw faults[0];
  return total;
};
