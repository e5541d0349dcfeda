import type { Bus, Consumer } from '@switchboard/bus';
import { ticketEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { recordTicketState } from '../domain/support-tickets/support-ticket-repository.ts';

const { ticketCreated, ticketUpdated, ticketStatusChanged, ticketCommented, ticketSlaBreached } =
  ticketEvents;

/**
 * Keeps how far the tickets about calls are. All events of tickets, since each has the ticket as it is: one that is lost is made
 * good by the next. The order in which they arrive does not matter, nor how often.
 */
export const consumeSupportTicketChanges = (data: Data, bus: Bus): Consumer =>
  startConsumer<'calls'>(data, {
    bus,
    durable: 'calls-support-tickets',
    on: [ticketCreated, ticketUpdated, ticketStatusChanged, ticketCommented, ticketSlaBreached].map((event) =>
      onEvent(event, async ({ trx, data: { call_id, ticket_id, ticket, previous_status } }) => {
        if (call_id === null) return;
        const { status, updated_at } = ticket;
        await recordTicketState(trx, { call_id, ticket_id, status, updated_at }, previous_status);
      }),
    ),
  });
