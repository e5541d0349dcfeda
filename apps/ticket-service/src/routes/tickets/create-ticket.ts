import { ticketRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createTicket } from '../../domain/tickets/create-tickets.ts';
import { etagOf } from '../../domain/tickets/ticket-answer.ts';

export const postTicket = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.createTicket, async ({ principal, body: input, idempotencyKey }) => {
    const { body, replayed } = await createTicket(deps, principal, input, idempotencyKey);
    return { status: 201, headers: { etag: etagOf({ version: 1 }), ...replayHeaders(replayed) }, body };
  });
