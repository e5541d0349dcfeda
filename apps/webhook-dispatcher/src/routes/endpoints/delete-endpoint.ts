import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { deleteEndpoint } from '../../domain/endpoints/delete-endpoint.ts';

export const deleteOneEndpoint = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.deleteEndpoint, async (ctx) => {
    await deleteEndpoint(data, ctx, ctx.params.endpoint_id);
    return { status: 204 };
  });
