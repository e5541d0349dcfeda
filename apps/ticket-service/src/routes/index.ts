import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { adminRoutes } from './admin/index.ts';
import { attachmentRoutes } from './attachments/index.ts';
import { healthRoutes } from './health/index.ts';

/** Every route of ticket-service. */
export const ticketServiceRoutes = (app: FastifyInstance, deps: Deps): void => {
  healthRoutes(app);
  adminRoutes(app, deps);
  attachmentRoutes(app, deps);
};
