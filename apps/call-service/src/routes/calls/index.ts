import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postCall } from './create-call.ts';
import { postCallTicket } from './create-ticket.ts';
import { postCallEnd } from './end-call.ts';
import { getCall } from './get-call.ts';
import { postSupportTicket } from './open-support-ticket.ts';
import { postCallAction } from './perform-action.ts';

export const callRoutes = (app: FastifyInstance, deps: Deps): void => {
  postCall(app, deps);
  getCall(app, deps);
  postCallEnd(app, deps);
  postCallAction(app, deps);
  postCallTicket(app, deps);
  postSupportTicket(app, deps);
};
