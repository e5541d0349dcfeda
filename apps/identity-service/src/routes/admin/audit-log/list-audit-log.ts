import { identityAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { auditEntry, listActs } from '../../../domain/audit/audit-repository.ts';

export const getAuditLog = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.listAuditLog, async ({ query: { limit, cursor, ...filter } }) => {
    const rows = await listActs(data.db, filter, { limit, after: decodeCursor(cursor) });
    const page = toPage(rows, limit, ({ at, id }) => ({ createdAt: at, id }));
    return { status: 200, body: { entries: page.rows.map(auditEntry), next_cursor: page.nextCursor } };
  });
