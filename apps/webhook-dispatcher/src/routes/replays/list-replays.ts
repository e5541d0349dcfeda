import { webhookAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { replayAnswer } from '../../domain/replays/replay-answer.ts';
import { listReplays } from '../../domain/replays/replay-repository.ts';

export const getReplays = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.listReplays, async ({ query }) => {
    const { limit, cursor, endpoint_id: endpointId = null } = query;
    const rows = await listReplays(data.db, { endpointId }, { limit, after: decodeCursor(cursor) });
    const page = toPage(rows, limit, ({ id, created_at }) => ({ id, createdAt: created_at }));
    return { status: 200, body: { replays: page.rows.map(replayAnswer), next_cursor: page.nextCursor } };
  });
