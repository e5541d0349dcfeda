import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { disableByHand } from '../../domain/endpoints/disable-by-hand.ts';
import { toEndpointAnswer } from '../../domain/endpoints/endpoint-answer.ts';

export const postDisabling = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.disableEndpoint, async (ctx) => ({
    status: 200,
    body: toEndpointAnswer(await disableByHand(data, ctx, ctx.params.endpoint_id)),
  }));
