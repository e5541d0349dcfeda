import { callRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createTicket } from '../../domain/tickets/create-ticket.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postCallTicket = (app: FastifyInstance, deps: Deps): void =>
  implement(app, callRoutes.createTicket, async ({ principal, params }) => ({
    status: 201,
    headers: SHOWN_ONCE,
    body: await createTicket(deps, principal, params.callId),
  }));
