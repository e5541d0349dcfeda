import type { TicketPriority, TicketStatus, TicketView } from '@switchboard/contracts';
import type { Ticket } from './types.ts';

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

/** A ticket as its token may see it: nothing of who works on it, nor of clocks. */
export const ticketView = (ticket: Ticket): TicketView => ({
  id: ticket.id,
  title: ticket.title,
  description: ticket.description,
  // CHECKs of the table say the same.
  status: ticket.status as TicketStatus,
  priority: ticket.priority as TicketPriority,
  category: ticket.category,
  metadata: ticket.metadata as Record<string, unknown>,
  created_at: ticket.created_at.toISOString(),
  updated_at: ticket.updated_at.toISOString(),
  resolved_at: iso(ticket.resolved_at),
  closed_at: iso(ticket.closed_at),
});

/** The entity tag of what the outside sees (RFC 9110, 8.8.3). What stays inside does not change it. */
export const etagOf = ({ version }: Pick<Ticket, 'version'>): string => `"v${version}"`;

/** That of what staff sees: who has a ticket in hand counts too. */
export const staffEtagOf = ({ version, assignee_id }: Pick<Ticket, 'version' | 'assignee_id'>): string =>
  `"v${version}.${assignee_id ?? 'none'}"`;
