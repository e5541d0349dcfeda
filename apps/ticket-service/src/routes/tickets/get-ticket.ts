import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { isKnown } from '../../domain/tickets/preconditions.ts';
import { etagOf, ticketView } from '../../domain/tickets/ticket-answer.ts';
import { findTicket } from '../../domain/tickets/ticket-repository.ts';

export const getTicket = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketRoutes.getTicket, async ({ params, principal, req }) => {
    const ticket = await findTicket(data.db, { ticketId: params.ticket_id, tokenId: principal.token_id });
    const headers = { etag: etagOf(ticket) };
    if (isKnown(req.headers['if-none-match'], headers.etag)) return { status: 304, headers };
    return { status: 200, headers, body: { ticket: ticketView(ticket) } };
  });
