import { ticketStaffRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listHistory } from '../../domain/staff/list-history.ts';

export const getStaffHistory = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketStaffRoutes.getHistory, async ({ params, query }) => {
    const page = await listHistory(data.db, params.ticket_id, { limit: query.limit, cursor: query.cursor });
    return { status: 200, body: { entries: page.entries, next_cursor: page.nextCursor } };
  });
