import { decodeCursor, toPage } from '@switchboard/service-kit';
import type { Executor } from '../database.ts';
import { findTicket, type TicketKey } from '../tickets/ticket-repository.ts';
import { type Comment, readComments } from './comment-repository.ts';

/** A page of what was said about a ticket, newest first. Throws TICKET_NOT_FOUND, INVALID_PARAMETER. */
export const listComments = async (
  executor: Executor,
  key: TicketKey,
  { withInternal, limit, cursor }: { withInternal: boolean; limit: number; cursor: string | undefined },
): Promise<{ readonly comments: readonly Comment[]; readonly nextCursor: string | null }> => {
  const after = decodeCursor(cursor);
  const { id } = await findTicket(executor, key);
  const found = await readComments(executor, id, { withInternal, limit, after });
  const { rows, nextCursor } = toPage(found, limit, (row) => ({ id: row.id, createdAt: row.created_at }));
  return { comments: rows, nextCursor };
};
