import { AppError } from '@switchboard/contracts';
import {
  answerServiceError,
  createHttpServer,
  type HttpServerDeps,
  healthRoutes,
} from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { adminRoutes } from './routes/admin/index.ts';
import { partnerSurfaceRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** The partner surface and its administration as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http, config, uploads } = deps;
  const app = createHttpServer(http);
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  http.metrics.gauge(
    'upload_bytes_taken',
    'Bytes of recordings that are being received',
    () => uploads.bytesTaken,
  );
  http.metrics.gauge('uploads_waiting', 'Recordings that wait to be received', () => uploads.waiting);

  app.register(async (surface) => {
    surface.setErrorHandler(answerServiceError);
    surface.addHook('onRequest', async () => {
      if (config.partner.enabled) return;
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'The partner API is switched off' });
    });
    partnerSurfaceRoutes(surface, deps);
  });
  // Switched off or not, keys are administered.
  app.register(async (administration) => {
    administration.setErrorHandler(answerServiceError);
    adminRoutes(administration, deps);
  });
  return app;
};
