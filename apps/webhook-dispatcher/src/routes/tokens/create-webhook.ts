import { webhookRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createTokenWebhook } from '../../domain/endpoints/token-webhooks.ts';
import { SHOWN_ONCE } from '../endpoints/shown-once.ts';

export const postTokenWebhook = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookRoutes.createTokenWebhook, async ({ principal, body: input, idempotencyKey }) => {
    const { body, replayed } = await createTokenWebhook(deps, principal, input, idempotencyKey);
    return { status: 201, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
