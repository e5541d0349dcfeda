import type { Bus, Consumer } from '@switchboard/bus';
import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, startWorker } from '@switchboard/db';
import { persistRequest } from '../domain/deliveries/persist-request.ts';
import { nextAttemptAt, type Schedule } from '../domain/deliveries/schedule.ts';
import type { Engine } from '../domain/engine/engine.ts';

export interface DeliveryRequestedDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly engine: Pick<Engine, 'offer'>;
  readonly schedule: Schedule;
}

/** Requests are small and one transaction each; together they share the commits of Postgres. */
const CONCURRENCY = 32;

/**
 * Stores what is asked for, once per event and per message, and hands it to the engine after the commit: the first
 * attempt begins milliseconds later, in this process.
 *
 * A worker rather than a plain consumer, only because it has something to do after the commit.
 */
export const startDeliveryRequested = ({ ctx, bus, engine, schedule }: DeliveryRequestedDeps): Consumer =>
  startWorker(ctx, {
    bus,
    durable: 'webhook-requests',
    event: webhookEvents.deliveryRequested,
    concurrency: CONCURRENCY,
    async handler({ data, envelope, finish }) {
      const now = ctx.clock.now();
      const dueAt = nextAttemptAt(schedule, 0, now) ?? now;
      const { traceparent } = envelope;
      const outcome = await finish(({ trx }) =>
        persistRequest(trx, { id: ctx.ids.next(), request: data, traceparent, now, dueAt }),
      );
      if (outcome.finished && outcome.result !== null && dueAt <= now) engine.offer(outcome.result);
    },
  });
