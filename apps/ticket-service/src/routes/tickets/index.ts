import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postTicket } from './create-ticket.ts';
import { postTickets } from './create-tickets.ts';
import { getTicket } from './get-ticket.ts';
import { getTickets } from './list-tickets.ts';
import { patchTicketStatus } from './set-status.ts';
import { patchTicket } from './update-ticket.ts';

export const ticketRoutes = (app: FastifyInstance, deps: Deps): void => {
  postTicket(app, deps);
  postTickets(app, deps);
  getTickets(app, deps);
  getTicket(app, deps);
  patchTicket(app, deps);
  patchTicketStatus(app, deps);
};
