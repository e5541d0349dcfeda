import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { staffTicketAnswer } from '../../domain/staff/staff-ticket-answer.ts';
import { findTicket } from '../../domain/tickets/ticket-repository.ts';

export const getStaffTicket = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketStaffRoutes.getTicket, async ({ params }) =>
    staffTicketAnswer(await findTicket(data.db, { ticketId: params.ticket_id })),
  );
