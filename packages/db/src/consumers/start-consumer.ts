import { type Backoff, type Bus, type Consumer, type Log, parseEventData } from '@switchboard/bus';
import type { Envelope, EventContract } from '@switchboard/contracts';
import type { z } from 'zod';
import type { DataContext } from '../context.ts';
import type { SchemaName } from '../schemas/index.ts';
import { type Tools, transact } from '../transact.ts';
import { isTransientDatabaseError } from '../transient.ts';
import { recordHandled } from './inbox.ts';
import { routeOf } from './route.ts';

export interface Incoming<Name extends SchemaName, Data> extends Tools<Name> {
  readonly data: Data;
  readonly envelope: Envelope;
  /** How often the event was delivered, this time included. */
  readonly deliveries: number;
  readonly log: Log;
}

/** An event with what is done about it; made by `onEvent`. */
export interface EventHandler<Name extends SchemaName> {
  readonly event: EventContract;
  run(
    tools: Tools<Name>,
    envelope: Envelope,
    about: { readonly deliveries: number; readonly log: Log },
  ): Promise<void>;
  /** Fails with InvalidMessageError when the envelope is not the event. */
  check(envelope: Envelope): void;
}

/** Ties a handler to an event, so that it gets the event's own data. */
export const onEvent = <Name extends SchemaName, Data extends z.ZodType>(
  event: EventContract<Data>,
  handler: (incoming: Incoming<Name, z.output<Data>>) => Promise<void>,
): EventHandler<Name> => ({
  event,
  check(envelope) {
    parseEventData(event, envelope);
  },
  run: (tools, envelope, about) =>
    handler({ ...tools, ...about, envelope, data: parseEventData(event, envelope) }),
});

export interface ConsumerOptions<Name extends SchemaName> {
  readonly bus: Bus;
  /** The consumer's name, the same in all replicas and for ever: it is the consumer's memory. */
  readonly durable: string;
  /** Events of one domain. Others that pass the common filter are skipped. */
  readonly on: readonly EventHandler<Name>[];
  /** Of partitioned events: the part this service takes, by default its own name. */
  readonly partition?: string;
  readonly concurrency?: number;
  readonly ackWaitSeconds?: number;
  readonly failuresMax?: number;
  readonly backoff?: Backoff;
}

/**
 * Handles events, each once: handler and inbox row share one transaction, so an event that comes again finds its
 * row and has no second effect. A handler that throws leaves nothing and is tried again; after `failuresMax` failures
 * (faults of Postgres or NATS do not count) the message is dead. For work longer than a second: `startWorker`.
 */
export const startConsumer = <Name extends SchemaName>(
  ctx: DataContext<Name>,
  options: ConsumerOptions<Name>,
): Consumer => {
  const { bus, durable, on, partition = ctx.source, ...limits } = options;
  const route = routeOf(
    on.map((handler) => handler.event),
    partition,
  );
  const bySubject = new Map(route.subjects.map((subject, index) => [subject, on[index]]));
  return bus.consume({
    ...limits,
    stream: route.stream,
    filterSubject: route.filterSubject,
    durable,
    isTransient: isTransientDatabaseError,
    async handler({ subject, envelope, deliveries, log }) {
      const handler = bySubject.get(subject);
      if (!handler) return;
      handler.check(envelope);
      await transact(
        ctx,
        async (tools) => {
          if (!(await recordHandled(tools.trx, durable, envelope.id, ctx.clock.now()))) return;
          await handler.run(tools, envelope, { deliveries, log });
        },
        { traceparent: envelope.traceparent },
      );
    },
  });
};
