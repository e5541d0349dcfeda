import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { requireEndpoint } from '../../domain/endpoints/endpoint-repository.ts';
import { readFeed } from '../../domain/messages/read-feed.ts';

export const getMessages = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.listMessages, async ({ params, query }) => {
    const { id } = await requireEndpoint(data.db, params.endpoint_id);
    return { status: 200, body: await readFeed(data.db, id, query) };
  });
