import type { Deps } from '../../deps.ts';
import { findTicket, type TicketKey } from '../tickets/ticket-repository.ts';
import { attachmentView, withUrl } from './attachment-answer.ts';
import { listStored } from './attachment-repository.ts';

/** The files of a ticket, oldest first, each with an address. Throws TICKET_NOT_FOUND. */
export const listAttachments = async (deps: Pick<Deps, 'data' | 'fileUrls'>, key: TicketKey) => {
  const { db } = deps.data;
  const { id } = await findTicket(db, key);
  const rows = await listStored(db, id);
  return rows.map((row) => withUrl(deps, attachmentView(row)));
};
