import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getChanges } from './list-changes.ts';

export const changeRoutes = (app: FastifyInstance, deps: Deps): void => {
  getChanges(app, deps);
};
