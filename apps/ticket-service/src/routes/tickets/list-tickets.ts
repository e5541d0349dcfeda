import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listTickets } from '../../domain/search/list-tickets.ts';
import { ticketView } from '../../domain/tickets/ticket-answer.ts';

const timeOf = (instant: string | undefined): Date | undefined =>
  instant === undefined ? undefined : new Date(instant);

export const getTickets = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketRoutes.listTickets, async ({ principal, query }) => {
    const { status, priority, category, created_after, created_before, q, limit, cursor } = query;
    const page = await listTickets(data.db, {
      tokenId: principal.token_id,
      filter: {
        status,
        priority,
        category,
        createdAfter: timeOf(created_after),
        createdBefore: timeOf(created_before),
      },
      q,
      limit,
      cursor,
    });
    return { status: 200, body: { tickets: page.tickets.map(ticketView), next_cursor: page.nextCursor } };
  });
