import { type Backoff, type Bus, type Consumer, GiveBack, type Log, parseEventData } from '@switchboard/bus';
import type { Envelope, EventContract } from '@switchboard/contracts';
import type { z } from 'zod';
import type { DataContext } from '../context.ts';
import type { SchemaName } from '../schemas/index.ts';
import { type Tools, transact } from '../transact.ts';
import { isTransientDatabaseError } from '../transient.ts';
import { recordHandled, wasHandled } from './inbox.ts';
import { routeOf } from './route.ts';

export interface WorkItem<Name extends SchemaName, Data> {
  readonly data: Data;
  readonly envelope: Envelope;
  /** How often the event was delivered, this time included; given back ones count too. */
  readonly deliveries: number;
  /** Aborted when the process stops: end soon and `throw giveBack(0)`. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** `throw giveBack(5)`: deliver it again, here or elsewhere, after so many seconds. Not counted as a failure. */
  giveBack(seconds: number): Error;
  /**
   * The last transaction of the work: with it the event counts as handled. `work` is not run when another process has
   * finished the event meanwhile; `finished` is false then.
   */
  finish<Result>(
    work: (tools: Tools<Name>) => Promise<Result>,
  ): Promise<{ readonly finished: true; readonly result: Result } | { readonly finished: false }>;
}

export interface WorkerOptions<Name extends SchemaName, Data extends z.ZodType> {
  readonly bus: Bus;
  /** The consumer's name, the same in all replicas and for ever: it is the consumer's memory. */
  readonly durable: string;
  readonly event: EventContract<Data>;
  /** Of a partitioned event: the part this service takes, by default its own name. */
  readonly partition?: string;
  readonly concurrency?: number;
  readonly ackWaitSeconds?: number;
  readonly failuresMax?: number;
  readonly backoff?: Backoff;
  /** Works outside a transaction for as long as it takes, and ends with `finish` or by throwing. */
  readonly handler: (item: WorkItem<Name, z.output<Data>>) => Promise<void>;
}

/**
 * Handles events whose work is long: the message stays with this process (heartbeats) while the handler runs, and goes
 * to another when the process dies. Until `finish` commits, the work may happen more than once.
 */
export const startWorker = <Name extends SchemaName, Data extends z.ZodType>(
  ctx: DataContext<Name>,
  options: WorkerOptions<Name, Data>,
): Consumer => {
  const { bus, durable, event, handler, partition = ctx.source, ...limits } = options;
  const { stream, filterSubject } = routeOf([event], partition);
  return bus.consume({
    ...limits,
    stream,
    filterSubject,
    durable,
    isTransient: isTransientDatabaseError,
    async handler({ envelope, deliveries, signal, log }) {
      const data = parseEventData(event, envelope);
      if (await wasHandled(ctx.db, durable, envelope.id)) return;
      let isOver = false;
      await handler({
        data,
        envelope,
        deliveries,
        signal,
        log,
        giveBack: (seconds) => new GiveBack(seconds),
        async finish(work) {
          const outcome = await transact(
            ctx,
            async (tools) => {
              if (!(await recordHandled(tools.trx, durable, envelope.id, ctx.clock.now())))
                return { finished: false } as const;
              return { finished: true, result: await work(tools) } as const;
            },
            { traceparent: envelope.traceparent },
          );
          isOver = true;
          return outcome;
        },
      });
      if (!isOver)
        throw new Error(`The handler of ${durable} ended without finish() and without giving back`);
    },
  });
};
