import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { apiKeyRoutes } from './api-keys/index.ts';
import { auditLogRoutes } from './audit-log/index.ts';
import { leakRoutes } from './leaks/index.ts';
import { signingKeyRoutes } from './signing-keys/index.ts';
import { userRoutes } from './users/index.ts';

export const adminRoutes = (app: FastifyInstance, deps: Deps): void => {
  apiKeyRoutes(app, deps);
  userRoutes(app, deps);
  signingKeyRoutes(app, deps);
  auditLogRoutes(app, deps);
  leakRoutes(app, deps);
};
