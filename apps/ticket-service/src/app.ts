import {
  answerServiceError,
  createHttpServer,
  type HttpServerDeps,
  healthRoutes,
} from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { ticketServiceRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** Tickets as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http } = deps;
  const app = createHttpServer(http);
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  app.register(async (surface) => {
    surface.setErrorHandler(answerServiceError);
    ticketServiceRoutes(surface, deps);
  });
  return app;
};
