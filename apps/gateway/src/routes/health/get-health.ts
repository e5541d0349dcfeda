import type { Clock, HealthStatus, PlatformHealth } from '@switchboard/contracts';
import type { FastifyInstance } from 'fastify';
import type { Upstream } from '../../proxy/upstream.ts';

const PATHS = ['/health', '/api/health', '/api/v1/health'];

const sumUp = (statuses: readonly HealthStatus[]): HealthStatus => {
  if (statuses.every((status) => status === 'ok')) return 'ok';
  return statuses.every((status) => status === 'down') ? 'down' : 'degraded';
};

/**
 * The public health of the platform. It says what the gateway's watch on each service saw last (at most a third of a
 * second ago), so that asking costs the services nothing and never takes long.
 */
export const registerHealthRoutes = (
  app: FastifyInstance,
  { upstreams, clock, version }: { upstreams: readonly Upstream[]; clock: Clock; version: string },
): void => {
  for (const url of PATHS) {
    app.get(url, { config: { quiet: true } }, (_request, reply) => {
      const answer: PlatformHealth = {
        status: sumUp(upstreams.map(({ health }) => health)),
        version,
        timestamp: clock.now().toISOString(),
        services: Object.fromEntries(upstreams.map(({ service, health }) => [service, health])),
      };
      return reply
        .status(answer.status === 'down' ? 503 : 200)
        .header('cache-control', 'no-store')
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(answer));
    });
  }
};
