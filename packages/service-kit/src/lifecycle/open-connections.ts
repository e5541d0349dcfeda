import { type Bus, type Consumer, connectBus } from '@switchboard/bus';
import type { ServiceName } from '@switchboard/contracts';
import {
  createDatabase,
  createDataContext,
  type Database,
  type DataContext,
  type OutboxRelay,
  type SchemaName,
  startOutboxRelay,
} from '@switchboard/db';
import type { BusConfig, DatabaseConfig } from '../config/blocks.ts';
import type { Metrics } from '../metrics/create-metrics.ts';
import { watchConsumers, watchOutbox, watchPool } from '../metrics/watch.ts';
import { createTraceHooks } from '../tracing/tracing.ts';
import type { Boot, ServiceConfig } from './run-service.ts';

/** What a service with a schema of its own works with. */
export interface Connections<Name extends SchemaName> {
  readonly database: Database<Name>;
  readonly bus: Bus;
  readonly ctx: DataContext<Name>;
  readonly relay: OutboxRelay;
  /** Has a consumer stopped first at shutdown (by `stop`, if more than it must end), and its lag shown in `/metrics`. */
  watchConsumer(consumer: Consumer, stop?: () => Promise<void>): void;
}

const watchAllConsumers = (metrics: Metrics, consumers: readonly Consumer[]): void => {
  const lagOf = (pick: 'pending' | 'ackPending') => async () => {
    const entries = await Promise.all(
      consumers.map(async (consumer) => [consumer.durable, (await consumer.lag())?.[pick]] as const),
    );
    return Object.fromEntries(entries.filter((entry): entry is [string, number] => entry[1] !== undefined));
  };
  watchConsumers(metrics, lagOf('pending'));
  metrics.gaugeBy(
    'consumer_unacked_events',
    'Events delivered and not done',
    'consumer',
    lagOf('ackPending'),
  );
  metrics.gaugeBy('consumer_dead_events', 'Events this process gave up on', 'consumer', () =>
    Object.fromEntries(consumers.map((consumer) => [consumer.durable, consumer.stats().dead])),
  );
};

/**
 * Opens Postgres and NATS for a service, starts its outbox relay, and ties all three to readiness, metrics and shutdown
 * in the right order: consumers stop first, then the relay sends what is left, then the connections close.
 */
export const openConnections = async <Name extends SchemaName>(
  boot: Boot<ServiceConfig & { readonly database: DatabaseConfig; readonly bus: BusConfig }>,
  options: { readonly service: ServiceName; readonly schema: Name },
): Promise<Connections<Name>> => {
  const { config, log, clock, ids, metrics, tracing, readiness, lifecycle } = boot;
  const { service, schema } = options;
  const trace = createTraceHooks(tracing);
  const database = createDatabase({
    url: config.database.url,
    poolMax: config.database.poolMax,
    applicationName: service,
    schema,
    log,
  });
  lifecycle.onClose('database', () => database.close());
  readiness.add('database', () => database.check());
  watchPool(metrics, () => database.poolStats());

  const bus = await connectBus({
    url: config.bus.url,
    name: service,
    log,
    clock,
    ids,
    trace,
    // A service boots without NATS; readiness tells, and everything goes on when it comes.
    waitForConnection: false,
  });
  lifecycle.onClose('bus', () => bus.drain());
  readiness.add('bus', () => bus.isConnected());

  const ctx = createDataContext({ database, source: service, clock, ids, log, trace });
  const relay = startOutboxRelay(ctx, { bus });
  lifecycle.onClose('outbox relay', () => relay.stop());
  watchOutbox(metrics, () => relay.stats());

  const consumers: Consumer[] = [];
  watchAllConsumers(metrics, consumers);
  return {
    database,
    bus,
    ctx,
    relay,
    watchConsumer(consumer, stop = () => consumer.stop()) {
      consumers.push(consumer);
      lifecycle.onStopWork(consumer.durable, stop);
    },
  };
};
