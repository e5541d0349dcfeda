import type { FastifyInstance } from 'fastify';
import type { Deps } from '../deps.ts';
import { agentRoutes } from './agents/index.ts';
import { callRoutes } from './calls/index.ts';
import { companyRoutes } from './companies/index.ts';
import { healthRoutes } from './health/index.ts';
import { jobRoutes } from './jobs/index.ts';
import { statisticsRoutes } from './statistics/index.ts';

/** Every route of the partner surface. */
export const partnerSurfaceRoutes = (app: FastifyInstance, deps: Deps): void => {
  healthRoutes(app, deps);
  companyRoutes(app, deps);
  agentRoutes(app, deps);
  callRoutes(app, deps);
  jobRoutes(app, deps);
  statisticsRoutes(app, deps);
};
