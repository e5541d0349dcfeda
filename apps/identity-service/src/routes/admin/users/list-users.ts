import { identityAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { adminUser } from '../../../domain/administration/user-answers.ts';
import { listUsers } from '../../../domain/administration/user-list.ts';

export const getUsers = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, identityAdminRoutes.listUsers, async ({ query: { limit, cursor, ...filter } }) => {
    const rows = await listUsers(data.db, filter, { limit, after: decodeCursor(cursor) });
    const page = toPage(rows, limit, (user) => user);
    return { status: 200, body: { users: page.rows.map(adminUser), next_cursor: page.nextCursor } };
  });
