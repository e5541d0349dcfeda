import { AppError } from '@switchboard/contracts';
import { isTransientDatabaseError } from '@switchboard/db';
import { answerError, createHttpServer, type HttpServerDeps, healthRoutes } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from './deps.ts';
import { callServiceRoutes } from './routes/index.ts';

export interface AppDeps extends Deps {
  readonly http: HttpServerDeps;
}

/** Calls as an HTTP server that does not listen. */
export const buildApp = (deps: AppDeps): FastifyInstance => {
  const { http } = deps;
  const app = createHttpServer(http);
  app.register(healthRoutes, { readiness: http.readiness, metrics: http.metrics });
  app.register(async (surface) => {
    // The guide has a code of its own for a database that does not answer.
    surface.setErrorHandler((thrown, request, reply) =>
      answerError(
        isTransientDatabaseError(thrown) ? new AppError('DATABASE_ERROR', { cause: thrown }) : thrown,
        request,
        reply,
      ),
    );
    callServiceRoutes(surface, deps);
  });
  return app;
};
