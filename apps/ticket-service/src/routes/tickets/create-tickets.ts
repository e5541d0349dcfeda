import { ticketRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createTickets } from '../../domain/tickets/create-tickets.ts';

export const postTickets = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.createTickets, async ({ principal, body: { tickets }, idempotencyKey }) => {
    const { body, replayed } = await createTickets(deps, principal, tickets, idempotencyKey);
    return { status: 200, headers: replayHeaders(replayed), body };
  });
