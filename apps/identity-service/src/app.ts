import {
  answerServiceError,
  createHttpServer,
  type HttpServerDeps,
  healthRoutes,
} from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { identityRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** Identity as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http } = deps;
  const app = createHttpServer(http);
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  app.register(async (surface) => {
    surface.setErrorHandler(answerServiceError);
    identityRoutes(surface, deps);
  });
  return app;
};
