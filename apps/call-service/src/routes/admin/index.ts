import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { getAnyCall } from './get-call.ts';
import { postCallImport } from './import-calls.ts';

export const adminRoutes = (app: FastifyInstance, deps: Deps): void => {
  getAnyCall(app, deps);
  postCallImport(app, deps);
};
