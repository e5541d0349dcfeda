import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getStatistics } from './get-statistics.ts';

export const statisticsRoutes = (app: FastifyInstance, deps: Deps): void => {
  getStatistics(app, deps);
};
