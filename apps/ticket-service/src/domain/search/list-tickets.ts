import { decodeCursor, encodeCursor, toPage } from '@switchboard/service-kit';
import type { Executor } from '../database.ts';
import type { Ticket } from '../tickets/types.ts';
import type { SearchCursors } from './search-cursor.ts';
import { searchTickets } from './search-tickets.ts';
import type { TicketFilter } from './ticket-filter.ts';
import { listNewest, walkOf } from './ticket-list-repository.ts';

/** A page looks at no more tickets than this for those that pass the filter; the next one goes on where it ended. */
export const EXAMINED_TICKETS_MAX = 5_000;

export interface ListRequest {
  /** Whose tickets; undefined: whoever asks may see all. */
  readonly tokenId?: string | undefined;
  readonly filter: TicketFilter;
  readonly q?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface TicketPage {
  readonly tickets: readonly Ticket[];
  /** Null: that was all. A page may be short, and even empty, and still have a next one. */
  readonly nextCursor: string | null;
}

/**
 * A page of tickets, newest first; with words to search for, those that fit best. What it costs is bounded however many there are.
 *
 * @throws INVALID_PARAMETER for a cursor that no page had
 */
export const listTickets = async (
  executor: Executor,
  cursors: SearchCursors,
  { tokenId, filter, q, limit, cursor }: ListRequest,
): Promise<TicketPage> => {
  if (tokenId !== undefined && filter.tokenId !== undefined && filter.tokenId !== tokenId) {
    return { tickets: [], nextCursor: null };
  }
  const scoped = tokenId === undefined ? filter : { ...filter, tokenId };
  if (q !== undefined && q !== '') {
    return searchTickets(executor, cursors, { filter: scoped, q, limit, cursor });
  }
  const { tickets, end } = await listNewest(executor, walkOf(scoped), {
    after: decodeCursor(cursor),
    limit: limit + 1,
    examined: EXAMINED_TICKETS_MAX,
  });
  const page = toPage(tickets, limit, ({ id, created_at }) => ({ id, createdAt: created_at }));
  return {
    tickets: page.rows,
    nextCursor: page.nextCursor ?? (end && encodeCursor(end)),
  };
};
