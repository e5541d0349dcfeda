import { ticketRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listInTurn } from '../../domain/search/list-in-turn.ts';
import { ticketView } from '../../domain/tickets/ticket-answer.ts';
import { goneSignal } from '../gone-signal.ts';

const timeOf = (instant: string | undefined): Date | undefined =>
  instant === undefined ? undefined : new Date(instant);

export const getTickets = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketRoutes.listTickets, async ({ principal, query, reply }) => {
    const { status, priority, category, created_after, created_before, q, limit, cursor } = query;
    const page = await listInTurn(deps, {
      owner: principal.token_id,
      signal: goneSignal(reply),
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
