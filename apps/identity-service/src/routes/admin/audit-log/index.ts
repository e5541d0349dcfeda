import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { getAuditLog } from './list-audit-log.ts';

export const auditLogRoutes = (app: FastifyInstance, deps: Deps): void => {
  getAuditLog(app, deps);
};
