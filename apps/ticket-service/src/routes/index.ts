import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { adminRoutes } from './admin/index.ts';
import { attachmentRoutes } from './attachments/index.ts';
import { changeRoutes } from './changes/index.ts';
import { commentRoutes } from './comments/index.ts';
import { healthRoutes } from './health/index.ts';
import { staffRoutes } from './staff/index.ts';
import { ticketRoutes } from './tickets/index.ts';

/** Every route of ticket-service. */
export const ticketServiceRoutes = (app: FastifyInstance, deps: Deps): void => {
  healthRoutes(app);
  adminRoutes(app, deps);
  ticketRoutes(app, deps);
  commentRoutes(app, deps);
  staffRoutes(app, deps);
  changeRoutes(app, deps);
  attachmentRoutes(app, deps);
};
