import { AppError } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import { answerError, createHttpServer, type HttpServerDeps, healthRoutes } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { partnerSurfaceRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** The partner surface as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http, config } = deps;
  const app = createHttpServer(http);
  app.setErrorHandler((error, request, reply) =>
    answerError(
      isTransientDatabaseError(error) ? new AppError('SERVICE_UNAVAILABLE', { cause: error }) : error,
      request,
      reply,
    ),
  );
  app.addHook('onRequest', async (request) => {
    if (config.partner.enabled || !request.routeOptions.config.contract) return;
    throw new AppError('SERVICE_UNAVAILABLE', { message: 'The partner API is switched off' });
  });
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  partnerSurfaceRoutes(app, deps);
  http.metrics.gauge(
    'upload_bytes_taken',
    'Bytes of recordings that are being received',
    () => deps.uploads.bytesTaken,
  );
  http.metrics.gauge('uploads_waiting', 'Recordings that wait to be received', () => deps.uploads.waiting);
  return app;
};
