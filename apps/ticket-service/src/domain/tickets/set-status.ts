import type { TicketStatus } from '@switchboard/contracts';
import type { Edit } from './change-ticket.ts';
import type { Ticket } from './types.ts';

const stampsOf = (before: Ticket, status: TicketStatus, now: Date) => {
  switch (status) {
    case 'resolved':
      return { resolved_at: now, closed_at: null };
    case 'closed':
      return { resolved_at: before.resolved_at, closed_at: now };
    default:
      return { resolved_at: null, closed_at: null };
  }
};

/** What moving a ticket to a status changes: between any two, and nothing where it has it already. */
export const statusEdits = (before: Ticket, status: TicketStatus, now: Date): readonly Edit[] =>
  before.status === status
    ? []
    : [
        {
          set: { status, ...stampsOf(before, status, now) },
          type: 'status_changed',
          details: { changes: { status: { from: before.status, to: status } } },
          outside: {
            type: 'ticket.status_changed',
            data: { previous_status: before.status as TicketStatus },
          },
        },
      ];
