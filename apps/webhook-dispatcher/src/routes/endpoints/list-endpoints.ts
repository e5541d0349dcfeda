import { webhookAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toEndpointAnswer } from '../../domain/endpoints/endpoint-answer.ts';
import { listEndpoints } from '../../domain/endpoints/endpoint-repository.ts';

export const getEndpoints = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.listEndpoints, async ({ query }) => {
    const filter = {
      owner: query.owner ?? null,
      environment: query.environment ?? null,
      status: query.status ?? null,
    };
    const { limit } = query;
    const after = decodeCursor(query.cursor);
    const rows = await listEndpoints(data.db, filter, { limit, after, now: data.clock.now() });
    const page = toPage(rows, limit, (endpoint) => endpoint);
    return {
      status: 200,
      body: { endpoints: page.rows.map(toEndpointAnswer), next_cursor: page.nextCursor },
    };
  });
