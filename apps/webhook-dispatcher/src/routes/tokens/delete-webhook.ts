import { webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { deleteTokenWebhook } from '../../domain/endpoints/token-webhooks.ts';

export const deleteWebhookOfToken = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookRoutes.deleteTokenWebhook, async ({ principal, params }) => {
    await deleteTokenWebhook(deps, principal, params.endpoint_id);
    return { status: 204 };
  });
