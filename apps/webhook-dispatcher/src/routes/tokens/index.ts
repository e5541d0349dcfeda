import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postTokenWebhook } from './create-webhook.ts';
import { deleteWebhookOfToken } from './delete-webhook.ts';
import { getTokenWebhookMessages } from './list-messages.ts';
import { getTokenWebhooks } from './list-webhooks.ts';

/** What integration tokens register by themselves, on the tickets surface. */
export const tokenRoutes = (app: FastifyInstance, deps: Deps): void => {
  getTokenWebhooks(app, deps);
  postTokenWebhook(app, deps);
  deleteWebhookOfToken(app, deps);
  getTokenWebhookMessages(app, deps);
};
