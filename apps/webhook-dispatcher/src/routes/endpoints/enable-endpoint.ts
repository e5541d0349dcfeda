import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { enableEndpoint } from '../../domain/endpoints/enable-endpoint.ts';
import { toEndpointAnswer } from '../../domain/endpoints/endpoint-answer.ts';

export const postEnabling = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.enableEndpoint, async (ctx) => {
    const { endpoint, replay } = await enableEndpoint(deps, ctx, ctx.params.endpoint_id, ctx.body);
    return { status: 200, body: { endpoint: toEndpointAnswer(endpoint), replay } };
  });
