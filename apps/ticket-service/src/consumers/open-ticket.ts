import type { Bus, Consumer } from '@switchboard/bus';
import { ticketEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Deps } from '../deps.ts';
import { openTickets } from '../domain/tickets/open-tickets.ts';

/** Opens the tickets that other services ask for. They choose the id, so that asking twice opens one. */
export const consumeOpenCommands = (deps: Pick<Deps, 'config' | 'data' | 'sla'>, bus: Bus): Consumer =>
  startConsumer<'tickets'>(deps.data, {
    bus,
    durable: 'tickets-open',
    on: [
      onEvent(ticketEvents.open, async ({ trx, emit, data }) => {
        const { ticket_id, call_id, requested_by, ...input } = data;
        const { service, kind, id } = requested_by;
        await openTickets(
          deps,
          // Of no token: there is no feed to wake.
          { trx, emit, touchedTokens: new Set() },
          {
            ids: [ticket_id],
            tokenId: null,
            source: service,
            callId: call_id,
            // Staff see who asked.
            actor: { kind: 'service', id: service, name: `${kind} ${id}` },
            inputs: [input],
          },
        );
      }),
    ],
  });
