import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { adminRoutes } from './admin/index.ts';
import { authRoutes } from './auth/index.ts';
import { deviceRoutes } from './device/index.ts';
import { oauthRoutes } from './oauth/index.ts';

/** Every route of identity-service. */
export const identityRoutes = (app: FastifyInstance, deps: Deps): void => {
  authRoutes(app, deps);
  oauthRoutes(app, deps);
  deviceRoutes(app, deps);
  adminRoutes(app, deps);
};
