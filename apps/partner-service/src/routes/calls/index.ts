import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postAnalyze } from './analyze-call.ts';
import { getCall } from './get-call.ts';
import { getCalls } from './list-calls.ts';

export const callRoutes = (app: FastifyInstance, deps: Deps): void => {
  postAnalyze(app, deps);
  getCalls(app, deps);
  getCall(app, deps);
};
