import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from '../metrics/create-metrics.ts';
import type { Readiness } from './readiness.ts';

export interface HealthRoutesOptions {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
}

const quiet = { config: { quiet: true } } as const;

/** `/livez`, `/readyz` and `/metrics`: for orchestrators and Prometheus, on the service's own port. */
export const healthRoutes = fp(
  async (app: FastifyInstance, { readiness, metrics }: HealthRoutesOptions) => {
    app.get('/livez', quiet, async () => ({ status: 'alive' }));
    app.get('/readyz', quiet, async (_request, reply) => {
      const report = await readiness.report();
      return reply
        .status(report.ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status: report.status, checks: report.checks });
    });
    app.get('/metrics', quiet, async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.render()),
    );
  },
  { name: 'switchboard-health', fastify: '5.x' },
);
