import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listInTurn } from '../../domain/search/list-in-turn.ts';
import { staffTicketView } from '../../domain/staff/staff-ticket-answer.ts';
import { goneSignal } from '../gone-signal.ts';

const timeOf = (instant: string | undefined): Date | undefined =>
  instant === undefined ? undefined : new Date(instant);

export const getStaffTickets = (app: FastifyInstance, deps: Deps): void =>
  implement(app, ticketStaffRoutes.listTickets, async ({ principal, query, reply }) => {
    const page = await listInTurn(deps, {
      owner: principal.user_id,
      signal: goneSignal(reply),
      filter: {
        status: query.status,
        priority: query.priority,
        category: query.category,
        assigneeId: query.assignee_id,
        tokenId: query.token_id,
        callId: query.call_id,
        slaBreached: query.sla === 'breached' ? true : undefined,
        createdAfter: timeOf(query.created_after),
        createdBefore: timeOf(query.created_before),
      },
      q: query.q,
      limit: query.limit,
      cursor: query.cursor,
    });
    return {
      status: 200,
      body: { tickets: page.tickets.map(staffTicketView), next_cursor: page.nextCursor },
    };
  });
