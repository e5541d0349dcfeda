import { callRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { openSupportTicket } from '../../domain/support-tickets/open-support-ticket.ts';

export const postSupportTicket = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, callRoutes.openSupportTicket, async ({ principal, params, body: input, idempotencyKey }) => {
    const { body, replayed } = await openSupportTicket(data, principal, params.callId, input, idempotencyKey);
    return { status: 202, headers: replayHeaders(replayed), body };
  });
