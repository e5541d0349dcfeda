import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getHealth } from './get-health.ts';

export const healthRoutes = (app: FastifyInstance, deps: Deps): void => {
  getHealth(app, deps);
};
