import { webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listTokenWebhooks, tokenWebhookView } from '../../domain/endpoints/token-webhooks.ts';

export const getTokenWebhooks = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookRoutes.listTokenWebhooks, async ({ principal }) => {
    const endpoints = await listTokenWebhooks(deps, principal);
    return { status: 200, body: { webhooks: endpoints.map(tokenWebhookView) } };
  });
