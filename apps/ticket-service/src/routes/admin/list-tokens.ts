import { ticketAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { tokenAnswers } from '../../domain/tokens/token-answer.ts';
import { listTokens } from '../../domain/tokens/token-repository.ts';

export const getTokens = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.listTokens, async ({ query }) => {
    const { limit, search, status, cursor } = query;
    const rows = await listTokens(
      data.db,
      { search: search || null, status: status ?? null },
      { limit, after: decodeCursor(cursor) },
    );
    const page = toPage(rows, limit, ({ id, created_at }) => ({ id, createdAt: created_at }));
    return {
      status: 200,
      body: { tokens: await tokenAnswers(data, data.db, page.rows), next_cursor: page.nextCursor },
    };
  });
