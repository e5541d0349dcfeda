import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { postLeaks } from './report-leaks.ts';

export const leakRoutes = (app: FastifyInstance, deps: Deps): void => {
  postLeaks(app, deps);
};
