import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postCallImport } from './import-calls.ts';

export const adminRoutes = (app: FastifyInstance, deps: Deps): void => {
  postCallImport(app, deps);
};
