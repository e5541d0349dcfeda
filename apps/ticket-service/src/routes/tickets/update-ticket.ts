import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { actorOf } from '../../domain/access/run-once.ts';
import { changeTicket, changeTickets } from '../../domain/tickets/change-ticket.ts';
import { fieldEdits } from '../../domain/tickets/edit-ticket.ts';
import { etagOf, ticketView } from '../../domain/tickets/ticket-answer.ts';

export const patchTicket = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.updateTicket, async ({ params, principal, body, req }) => {
    const ticket = await changeTickets(deps, (tools) =>
      changeTicket(deps, tools, {
        ticketId: params.ticket_id,
        tokenId: principal.token_id,
        actor: actorOf(principal),
        ifMatch: req.headers['if-match'],
        etag: etagOf,
        decide: (before) => fieldEdits(before, body),
      }),
    );
    return { status: 200, headers: { etag: etagOf(ticket) }, body: { ticket: ticketView(ticket) } };
  });
