import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createEndpoint } from '../../domain/endpoints/create-endpoint.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postEndpoint = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.createEndpoint, async (ctx) => {
    const { replayed, body } = await createEndpoint(deps, ctx, ctx.body, ctx.idempotencyKey);
    return { status: 201, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
