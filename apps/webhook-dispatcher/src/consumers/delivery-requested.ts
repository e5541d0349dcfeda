import type { Bus, Consumer } from '@switchboard/bus';
import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, startBatchConsumer } from '@switchboard/db';
import { persistRequests } from '../domain/deliveries/persist-requests.ts';
import { nextAttemptAt, type Schedule } from '../domain/deliveries/schedule.ts';
import type { Engine } from '../domain/engine/engine.ts';

export interface DeliveryRequestedDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly engine: Pick<Engine, 'offer'>;
  readonly schedule: Schedule;
}

/** Requests of one transaction; bodies have up to 1 MB each. */
const BATCH_MAX = 64;

/**
 * Stores what is asked for, once per event and per message, and hands it to the engine after the commit: the first
 * attempt begins milliseconds later, in this process.
 */
export const startDeliveryRequested = ({ ctx, bus, engine, schedule }: DeliveryRequestedDeps): Consumer =>
  startBatchConsumer(ctx, {
    bus,
    durable: 'webhook-requests',
    event: webhookEvents.deliveryRequested,
    batchMax: BATCH_MAX,
    async handler(items, { trx }) {
      const now = ctx.clock.now();
      const dueAt = nextAttemptAt(schedule, 0, now) ?? now;
      const requests = items.map(({ data, envelope }) => ({
        id: ctx.ids.next(),
        request: data,
        traceparent: envelope.traceparent,
      }));
      const stored = await persistRequests(trx, requests, { now, dueAt });
      return dueAt <= now ? stored : [];
    },
    onCommitted(stored) {
      for (const delivery of stored) engine.offer(delivery);
    },
  });
