import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { actorOf } from '../../domain/access/run-once.ts';
import { staffTicketAnswer } from '../../domain/staff/staff-ticket-answer.ts';
import { changeTicket, changeTickets } from '../../domain/tickets/change-ticket.ts';
import { statusEdits } from '../../domain/tickets/set-status.ts';
import { staffEtagOf } from '../../domain/tickets/ticket-answer.ts';

export const patchStaffTicketStatus = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketStaffRoutes.setTicketStatus, async ({ params, principal, body, req }) =>
    staffTicketAnswer(
      await changeTickets(deps, (tools) =>
        changeTicket(deps, tools, {
          ticketId: params.ticket_id,
          actor: actorOf(principal),
          ifMatch: req.headers['if-match'],
          etag: staffEtagOf,
          decide: (before, now) => statusEdits(before, body.status, now),
        }),
      ),
    ),
  );
