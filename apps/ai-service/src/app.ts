import { type Boot, createHttpServer, healthRoutes } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';

/** The HTTP side of the service: nobody calls it but operators; work comes over NATS. Never listens. */
export const buildApp = async (boot: Boot<Config>): Promise<FastifyInstance> => {
  const { config, log, clock, metrics, tracing, readiness } = boot;
  const app = createHttpServer({ config: config.server, log, clock, metrics, tracing, readiness });
  await app.register(healthRoutes, { readiness, metrics });
  return app;
};
