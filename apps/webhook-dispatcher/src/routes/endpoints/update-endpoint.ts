import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toEndpointAnswer } from '../../domain/endpoints/endpoint-answer.ts';
import { updateEndpoint } from '../../domain/endpoints/update-endpoint.ts';

export const patchEndpoint = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.updateEndpoint, async (ctx) => ({
    status: 200,
    body: toEndpointAnswer(await updateEndpoint(deps, ctx, ctx.params.endpoint_id, ctx.body)),
  }));
