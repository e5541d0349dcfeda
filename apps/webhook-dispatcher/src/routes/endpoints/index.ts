import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postEndpoint } from './create-endpoint.ts';
import { getEndpoint } from './get-endpoint.ts';
import { getEndpoints } from './list-endpoints.ts';
import { getMessages } from './list-messages.ts';

/** `/api/admin/v1/webhooks/endpoints*`. */
export const endpointRoutes = (app: FastifyInstance, deps: Deps): void => {
  getEndpoints(app, deps);
  postEndpoint(app, deps);
  getEndpoint(app, deps);
  getMessages(app, deps);
};
