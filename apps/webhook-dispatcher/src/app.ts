import {
  answerServiceError,
  createHttpServer,
  type HttpServerDeps,
  healthRoutes,
} from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { dispatcherRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** The administration of webhooks, and what receivers ask, as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http } = deps;
  const app = createHttpServer(http);
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  app.register(async (surface) => {
    surface.setErrorHandler(answerServiceError);
    dispatcherRoutes(surface, deps);
  });
  return app;
};
