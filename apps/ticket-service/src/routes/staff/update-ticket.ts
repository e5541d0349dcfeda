import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { actorOf } from '../../domain/access/run-once.ts';
import { staffTicketAnswer } from '../../domain/staff/staff-ticket-answer.ts';
import { updateStaffTicket } from '../../domain/staff/update-staff-ticket.ts';

export const patchStaffTicket = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketStaffRoutes.updateTicket, async ({ params, principal, body, req }) =>
    staffTicketAnswer(
      await updateStaffTicket(deps, {
        ticketId: params.ticket_id,
        actor: actorOf(principal),
        ifMatch: req.headers['if-match'],
        priority: body.priority,
        category: body.category,
        assigneeId: body.assignee_id,
      }),
    ),
  );
