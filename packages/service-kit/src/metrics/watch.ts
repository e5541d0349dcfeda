import type { Metrics } from './create-metrics.ts';

/** What a database pool tells about itself. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Shows how much of a database pool is in use, and who waits for it. */
export const watchPool = (metrics: Metrics, read: () => PoolCounts): void => {
  metrics.gaugeBy('database_pool_connections', 'Connections of the pool by state', 'state', () => {
    const { total, idle } = read();
    return { used: total - idle, idle };
  });
  metrics.gauge('database_pool_waiting', 'Who waits for a connection', () => read().waiting);
};

/** What an outbox relay tells about itself. */
export interface OutboxCounts {
  readonly waiting: number;
  readonly oldestAgeSeconds: number;
  readonly failed: number;
}

/** Shows what is stored and not published yet: how much, and how long the oldest waits. */
export const watchOutbox = (metrics: Metrics, read: () => Promise<OutboxCounts>): void => {
  const pick = (key: keyof OutboxCounts) => async () => (await read())[key];
  metrics.gauge(
    'outbox_oldest_age_seconds',
    'Age of the oldest event not published',
    pick('oldestAgeSeconds'),
  );
  metrics.gauge('outbox_waiting_events', 'Events not published yet', pick('waiting'));
  metrics.gauge('outbox_failed_events', 'Events that can never be published', pick('failed'));
};

/** Shows how many events each consumer has still before it. */
export const watchConsumers = (
  metrics: Metrics,
  lag: () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>,
): void => metrics.gaugeBy('consumer_lag_events', 'Events waiting for a consumer', 'consumer', lag);
