import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postEndpoint } from './create-endpoint.ts';
import { deleteOneEndpoint } from './delete-endpoint.ts';
import { postDisabling } from './disable-endpoint.ts';
import { postEnabling } from './enable-endpoint.ts';
import { getEndpoint } from './get-endpoint.ts';
import { getEndpoints } from './list-endpoints.ts';
import { getMessages } from './list-messages.ts';
import { postRotation } from './rotate-secret.ts';
import { postTest } from './test-endpoint.ts';
import { patchEndpoint } from './update-endpoint.ts';

/** `/api/admin/v1/webhooks/endpoints*`. */
export const endpointRoutes = (app: FastifyInstance, deps: Deps): void => {
  getEndpoints(app, deps);
  postEndpoint(app, deps);
  getEndpoint(app, deps);
  patchEndpoint(app, deps);
  deleteOneEndpoint(app, deps);
  postRotation(app, deps);
  postDisabling(app, deps);
  postEnabling(app, deps);
  postTest(app, deps);
  getMessages(app, deps);
};
