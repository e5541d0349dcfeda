import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { actorOf } from '../../domain/access/run-once.ts';
import { changeTicket, changeTickets } from '../../domain/tickets/change-ticket.ts';
import { statusEdits } from '../../domain/tickets/set-status.ts';
import { etagOf, ticketView } from '../../domain/tickets/ticket-answer.ts';

export const patchTicketStatus = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.setTicketStatus, async ({ params, principal, body, req }) => {
    const ticket = await changeTickets(deps, (tools) =>
      changeTicket(deps, tools, {
        ticketId: params.ticket_id,
        tokenId: principal.token_id,
        actor: actorOf(principal),
        ifMatch: req.headers['if-match'],
        etag: etagOf,
        decide: (before, now) => statusEdits(before, body.status, now),
      }),
    );
    const { id, status, updated_at } = ticketView(ticket);
    return {
      status: 200,
      headers: { etag: etagOf(ticket) },
      body: { success: true, ticket: { id, status, updated_at } },
    };
  });
