import type { StaffTicketView } from '@switchboard/contracts';
import { staffEtagOf, ticketView } from '../tickets/ticket-answer.ts';
import type { Ticket } from '../tickets/types.ts';

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;
const minutes = (ms: number | null): number | null => (ms === null ? null : Math.round(ms / 60_000));

/** A ticket as those see it who work on it. Never leaves through the tickets surface. */
export const staffTicketView = (ticket: Ticket): StaffTicketView => ({
  ...ticketView(ticket),
  token_id: ticket.token_id,
  integration_source: ticket.integration_source,
  call_id: ticket.call_id,
  assignee: ticket.assignee_id === null ? null : { id: ticket.assignee_id, name: ticket.assignee_name },
  version: ticket.version,
  sla: {
    running: ticket.sla_running_since !== null,
    first_response: {
      target_minutes: minutes(ticket.first_response_target_ms),
      due_at: iso(ticket.first_response_due_at),
      met_at: iso(ticket.first_responded_at),
      breached_at: iso(ticket.first_response_breached_at),
    },
    resolution: {
      target_minutes: minutes(ticket.resolution_target_ms),
      due_at: iso(ticket.resolution_due_at),
      met_at: iso(ticket.resolved_at ?? ticket.closed_at),
      breached_at: iso(ticket.resolution_breached_at),
    },
  },
});

/** The same with its entity tag, as routes answer. */
export const staffTicketAnswer = (ticket: Ticket) => ({
  status: 200 as const,
  headers: { etag: staffEtagOf(ticket) },
  body: { ticket: staffTicketView(ticket) },
});
