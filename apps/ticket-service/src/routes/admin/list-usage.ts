import { ticketAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, encodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { findToken } from '../../domain/tokens/token-repository.ts';
import { findEndOfExamined, listUsage, type UsageFilter } from '../../domain/usage/usage-repository.ts';

/** `429` is itself, `4xx` all from 400 on. */
const statusRange = (status: string | undefined): readonly [number, number] | null => {
  if (status === undefined) return null;
  const first = Number(status.replace('xx', '00'));
  return [first, first + (status.endsWith('xx') ? 100 : 1)];
};

export const getTokenUsage = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, ticketAdminRoutes.listTokenUsage, async ({ params, query }) => {
    const { limit, status, method, endpoint, from, to, cursor } = query;
    const after = decodeCursor(cursor);
    const { id: tokenId } = await findToken(data.db, params.token_id);
    const filter: UsageFilter = {
      tokenId,
      status: statusRange(status),
      method: method ?? null,
      endpoint: endpoint ?? null,
      from: from === undefined ? null : new Date(from),
      to: to === undefined ? null : new Date(to),
    };
    const rows = await listUsage(data.db, filter, { limit, after });
    const page = toPage(rows, limit, ({ id, created_at }) => ({ id, createdAt: created_at }));
    const end = page.nextCursor === null ? await findEndOfExamined(data.db, filter, after) : null;
    return {
      status: 200,
      body: {
        requests: page.rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() })),
        next_cursor: end ? encodeCursor(end) : page.nextCursor,
      },
    };
  });
