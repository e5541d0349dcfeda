import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { rotateSecret } from '../../domain/endpoints/rotate-secret.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postRotation = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.rotateSecret, async (ctx) => {
    const { params, body: input, idempotencyKey } = ctx;
    const { replayed, body } = await rotateSecret(deps, ctx, params.endpoint_id, input, idempotencyKey);
    return { status: 200, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
