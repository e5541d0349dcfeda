import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toEndpointAnswer } from '../../domain/endpoints/endpoint-answer.ts';
import { requireEndpointDetails } from '../../domain/endpoints/endpoint-repository.ts';

export const getEndpoint = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.getEndpoint, async ({ params }) => ({
    status: 200,
    body: toEndpointAnswer(await requireEndpointDetails(data.db, params.endpoint_id, data.clock.now())),
  }));
