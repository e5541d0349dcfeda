import { createHttpServer, type HttpServerDeps, healthRoutes } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';

/** The dispatcher's own port: health and metrics. Work reaches it over NATS. */
export const buildApp = (deps: HttpServerDeps): FastifyInstance => {
  const app = createHttpServer(deps);
  app.register(healthRoutes, { readiness: deps.readiness, metrics: deps.metrics });
  return app;
};
