import { type ChangeData, type ChangeView, errors, type TicketChangeType } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import { type FeedRow, readAfter, readLastSequence } from './feed-repository.ts';

/** Of a page: a hundred of the largest changes would be more than anybody wants at a time. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** The second line, for whoever was not told: how often one that waits looks by himself. */
const LOOK_MS = 2_000;

const viewOf = (row: FeedRow): ChangeView => ({
  sequence: row.sequence,
  id: row.id,
  type: row.outside_type as TicketChangeType,
  ticket_id: row.ticket_id,
  // Written by recordChanges, after the same schema.
  data: row.data as ChangeData,
  at: row.created_at.toISOString(),
});

export interface ChangesRequest {
  readonly tokenId: string;
  /** A sequence, or `latest`; undefined: from the first change on. */
  readonly cursor: string | undefined;
  readonly limit: number;
  readonly waitSeconds: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Changes of a token's tickets after a sequence; where there is none, waits for it as long as was asked.
 *
 * @throws INVALID_PARAMETER for a sequence that there was not yet; RATE_LIMIT_EXCEEDED or SERVICE_UNAVAILABLE when it would
 * have to wait, and too many do
 */
export const readChanges = async (
  { data, feeds }: Pick<Deps, 'data' | 'feeds'>,
  { tokenId, cursor, limit, waitSeconds, signal }: ChangesRequest,
): Promise<{ readonly changes: ChangeView[]; readonly nextCursor: string }> => {
  const waiter = waitSeconds > 0 ? feeds.register(tokenId) : null;
  const gone = new Promise<false>((resolve) => {
    if (signal.aborted) resolve(false);
    else signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  try {
    const isLatest = cursor === 'latest';
    const after = isLatest ? await readLastSequence(data.db, tokenId) : Number(cursor ?? 0);
    const untilMs = performance.now() + waitSeconds * 1000;
    for (let isFirst = true; ; isFirst = false) {
      const rows = await readAfter(data.db, tokenId, { after, limit, bytesMax: PAGE_BYTES_MAX });
      const last = rows.at(-1);
      if (last) return { changes: rows.map(viewOf), nextCursor: String(last.sequence) };
      if (isFirst && after > 0 && !isLatest && after > (await readLastSequence(data.db, tokenId))) {
        throw errors.invalidParameter([
          { field: 'cursor', message: 'is later than the last change: use next_cursor of an answer' },
        ]);
      }
      const leftMs = untilMs - performance.now();
      const goesOn =
        leftMs > 0 && waiter !== null && (await Promise.race([waiter.next(Math.min(LOOK_MS, leftMs)), gone]));
      if (!goesOn) return { changes: [], nextCursor: String(after) };
    }
  } finally {
    waiter?.close();
  }
};
