import type { FastifyInstance } from 'fastify';
import { getHealth } from './get-health.ts';

export const healthRoutes = (app: FastifyInstance): void => {
  getHealth(app);
};
