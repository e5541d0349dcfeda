import type { Metrics } from './create-metrics.ts';

/** What a pool of PostgreSQL connections tells about itself (`pg.Pool` does). */
export interface PoolCounts {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** Shows how much of a database pool is in use, and who waits for it. */
export const watchPool = (metrics: Metrics, pool: PoolCounts): void => {
  metrics.gaugeBy('database_pool_connections', 'Connections of the pool by state', 'state', () => ({
    used: pool.totalCount - pool.idleCount,
    idle: pool.idleCount,
  }));
  metrics.gauge('database_pool_waiting', 'Requests that wait for a connection', () => pool.waitingCount);
};

/** Shows how old the oldest event is that is stored and not published yet; 0 when there is none. */
export const watchOutbox = (metrics: Metrics, oldestAgeSeconds: () => number | Promise<number>): void =>
  metrics.gauge(
    'outbox_oldest_age_seconds',
    'Age of the oldest event that is not published',
    oldestAgeSeconds,
  );

/** Shows how many events each consumer has still before it. */
export const watchConsumers = (
  metrics: Metrics,
  lag: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>,
): void => metrics.gaugeBy('consumer_lag_events', 'Events that wait for a consumer', 'consumer', lag);
