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
  http.metrics.gauge(
    'upload_bytes_taken',
    'Bytes of attachments that are being received',
    () => deps.uploads.bytesTaken,
  );
  http.metrics.gauge('uploads_waiting', 'Attachments that wait to be received', () => deps.uploads.waiting);
  http.metrics.gauge(
    'searches_waiting',
    'Searches that wait for others of their token or user',
    () => deps.searchTurns.waiting,
  );
  app.register(async (surface) => {
    surface.setErrorHandler(answerServiceError);
    ticketServiceRoutes(surface, deps);
  });
  return app;
};
