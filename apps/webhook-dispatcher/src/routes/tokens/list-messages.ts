import { webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { requireTokenWebhook } from '../../domain/endpoints/token-webhooks.ts';
import { readFeed } from '../../domain/messages/read-feed.ts';

export const getTokenWebhookMessages = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookRoutes.listTokenWebhookMessages, async ({ principal, params, query }) => {
    const { id } = await requireTokenWebhook(deps, principal, params.endpoint_id);
    return { status: 200, body: await readFeed(deps.data.db, id, query) };
  });
