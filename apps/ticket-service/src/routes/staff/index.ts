import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postStaffComment } from './add-comment.ts';
import { getStaffHistory } from './get-history.ts';
import { getStaffTicket } from './get-ticket.ts';
import { getStaffComments } from './list-comments.ts';
import { getStaffTickets } from './list-tickets.ts';
import { patchStaffTicketStatus } from './set-status.ts';
import { patchStaffTicket } from './update-ticket.ts';

/** For those who work on tickets. */
export const staffRoutes = (app: FastifyInstance, deps: Deps): void => {
  getStaffTickets(app, deps);
  getStaffTicket(app, deps);
  patchStaffTicket(app, deps);
  patchStaffTicketStatus(app, deps);
  postStaffComment(app, deps);
  getStaffComments(app, deps);
  getStaffHistory(app, deps);
};
