import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { adminRoutes } from './admin/index.ts';
import { callLogRoutes } from './call-logs/index.ts';
import { callRoutes } from './calls/index.ts';

/** Every route of call-service. */
export const callServiceRoutes = (app: FastifyInstance, deps: Deps): void => {
  callRoutes(app, deps);
  callLogRoutes(app, deps);
  adminRoutes(app, deps);
};
