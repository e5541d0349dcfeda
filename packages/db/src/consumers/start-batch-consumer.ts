import { type Bus, type Consumer, parseEventData } from '@switchboard/bus';
import type { Envelope, EventContract } from '@switchboard/contracts';
import type { z } from 'zod';
import type { DataContext } from '../context.ts';
import type { SchemaName } from '../schemas/index.ts';
import { type Tools, transact } from '../transact.ts';
import { isTransientDatabaseError } from '../transient.ts';
import { recordAllHandled } from './inbox.ts';
import { routeOf } from './route.ts';

export interface BatchItem<Data> {
  readonly data: Data;
  readonly envelope: Envelope;
}

export interface BatchConsumerOptions<Name extends SchemaName, Data extends z.ZodType, Result> {
  readonly bus: Bus;
  /** The consumer's name, the same in all replicas and for ever: it is the consumer's memory. */
  readonly durable: string;
  readonly event: EventContract<Data>;
  /** Most events of one transaction; default 100. */
  readonly batchMax?: number;
  readonly ackWaitSeconds?: number;
  readonly failuresMax?: number;
  /** Handles events that were not handled before, in the transaction that says so. May run again: no other effects. */
  readonly handler: (items: readonly BatchItem<z.output<Data>>[], tools: Tools<Name>) => Promise<Result>;
  /** Called after the commit, with what the handler gave. */
  readonly onCommitted?: (result: Result) => void;
  /** Called where a transaction did not commit after the handler ran, before its events are handled again. */
  readonly onRolledBack?: () => void;
}

interface Waiting<Data> extends BatchItem<Data> {
  readonly done: PromiseWithResolvers<void>;
}

/**
 * `startConsumer` for small events that come in numbers: those that arrive while one transaction runs share the next
 * one, so a lone event is handled at once and a flood costs a fraction of its commits. When a batch fails, its events
 * are handled one by one, so that one that cannot be handled harms no other.
 */
export const startBatchConsumer = <Name extends SchemaName, Data extends z.ZodType, Result>(
  ctx: DataContext<Name>,
  options: BatchConsumerOptions<Name, Data, Result>,
): Consumer => {
  const { bus, durable, event, handler, onCommitted, onRolledBack, batchMax = 100, ...limits } = options;
  const { stream, filterSubject } = routeOf([event], ctx.source);
  const queue: Waiting<z.output<Data>>[] = [];
  let running = false;

  const handle = async (batch: readonly Waiting<z.output<Data>>[]) => {
    const result = await transact(ctx, async (tools) => {
      const ids = batch.map((item) => item.envelope.id);
      const fresh = await recordAllHandled(tools.trx, durable, ids, ctx.clock.now());
      // An event that stands in the batch twice is handled once.
      const items = batch.filter((item) => fresh.delete(item.envelope.id));
      return items.length === 0 ? null : { value: await handler(items, tools) };
    }).catch((error: unknown) => {
      onRolledBack?.();
      throw error;
    });
    if (result) onCommitted?.(result.value);
    for (const item of batch) item.done.resolve();
  };

  const handleEach = async (batch: readonly Waiting<z.output<Data>>[]) => {
    for (const item of batch) await handle([item]).catch((error: unknown) => item.done.reject(error));
  };

  const run = async () => {
    running = true;
    while (queue.length > 0) {
      const batch = queue.splice(0, batchMax);
      await handle(batch).catch((error: unknown) => {
        if (batch.length > 1 && !isTransientDatabaseError(error)) return handleEach(batch);
        for (const item of batch) item.done.reject(error);
      });
    }
    running = false;
  };

  return bus.consume({
    ...limits,
    stream,
    filterSubject,
    durable,
    // One batch is in the transaction while the next one gathers.
    concurrency: batchMax * 2,
    isTransient: isTransientDatabaseError,
    async handler({ envelope }) {
      const done = Promise.withResolvers<void>();
      queue.push({ data: parseEventData(event, envelope), envelope, done });
      if (!running) void run();
      await done.promise;
    },
  });
};
