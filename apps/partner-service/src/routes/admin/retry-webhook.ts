import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { retryWebhook } from '../../domain/administration/retry-webhook.ts';

export const postWebhookRetry = (app: FastifyInstance, { data, bus }: Deps): void =>
  implement(app, partnerAdminRoutes.retryWebhook, async (ctx) => {
    const { delivery_id } = ctx.params;
    const { status, attemptNumber } = await retryWebhook(data, bus, ctx, delivery_id);
    return { status: 200, body: { delivery_id, status, attempt_number: attemptNumber } };
  });
