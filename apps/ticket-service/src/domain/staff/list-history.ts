import { decodeCursor, toPage } from '@switchboard/service-kit';
import type { Executor } from '../database.ts';
import { findTicket } from '../tickets/ticket-repository.ts';
import type { ChangeDetails, HistoryType } from '../tickets/types.ts';
import { type ChangeRow, readHistory } from './history-repository.ts';

const entryOf = (row: ChangeRow) => {
  const { changes = {}, comment_id = null, attachment_id = null } = row.details as ChangeDetails;
  return {
    id: row.id,
    // CHECKs of the table say the same.
    type: row.type as HistoryType,
    actor: { kind: row.actor_kind as 'token' | 'staff' | 'service', id: row.actor_id, name: row.actor_name },
    sequence: row.sequence,
    changes,
    comment_id,
    attachment_id,
    at: row.created_at.toISOString(),
  };
};

/** A page of everything that was done to a ticket, newest first. Throws TICKET_NOT_FOUND, INVALID_PARAMETER. */
export const listHistory = async (
  executor: Executor,
  ticketId: string,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
) => {
  const after = decodeCursor(cursor);
  const { id } = await findTicket(executor, { ticketId });
  const found = await readHistory(executor, id, { limit, after });
  const page = toPage(found, limit, (row) => ({ id: row.id, createdAt: row.created_at }));
  return { entries: page.rows.map(entryOf), nextCursor: page.nextCursor };
};
