import { partnerAdminRoutes, RETRY_OUTCOME_SECONDS } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { retryFailedWebhooks } from '../../domain/administration/retry-failed-webhooks.ts';

const WAIT_MS = RETRY_OUTCOME_SECONDS * 1000;

export const postFailedWebhooksRetry = (app: FastifyInstance, { data, bus }: Deps): void =>
  implement(app, partnerAdminRoutes.retryFailedWebhooks, async (ctx) => {
    const { key_id: keyId } = ctx.params;
    const { hasMore, ...figures } = await retryFailedWebhooks(data, bus, ctx, { keyId, waitMs: WAIT_MS });
    return { status: 200, body: { ...figures, has_more: hasMore } };
  });
