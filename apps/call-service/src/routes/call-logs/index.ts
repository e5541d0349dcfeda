import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getCallLog } from './get-log.ts';
import { getCallStats } from './get-stats.ts';
import { getCallLogs } from './list-logs.ts';

export const callLogRoutes = (app: FastifyInstance, deps: Deps): void => {
  getCallLogs(app, deps);
  getCallStats(app, deps);
  getCallLog(app, deps);
};
