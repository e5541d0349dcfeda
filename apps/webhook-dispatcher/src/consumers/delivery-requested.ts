import type { Bus, Consumer } from '@switchboard/bus';
import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, startBatchConsumer } from '@switchboard/db';
import { persistRequests } from '../domain/deliveries/persist-requests.ts';
import type { Schedule } from '../domain/deliveries/schedule.ts';
import type { Engine } from '../domain/engine/engine.ts';
import { reserveFor } from '../domain/engine/reservations.ts';

export interface DeliveryRequestedDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly engine: Pick<Engine, 'offer' | 'reserve' | 'giveBack' | 'begin'>;
  readonly schedule: Schedule;
}

/** Requests of one transaction; bodies have up to 1 MB each. */
const BATCH_MAX = 64;

/**
 * Stores what is asked for, once per event and per message, and hands it to the engine after the commit: the first
 * attempt begins milliseconds later, in this process.
 */
export const startDeliveryRequested = ({ ctx, bus, engine, schedule }: DeliveryRequestedDeps): Consumer => {
  const reservations = reserveFor(engine);
  return startBatchConsumer(ctx, {
    bus,
    durable: 'webhook-requests',
    event: webhookEvents.deliveryRequested,
    batchMax: BATCH_MAX,
    handler(items, { trx }) {
      const requests = items.map(({ data, envelope }) => ({
        id: ctx.ids.next(),
        request: data,
        traceparent: envelope.traceparent,
      }));
      const reserve = reservations.begin();
      return persistRequests(trx, requests, { now: ctx.clock.now(), schedule, reserve });
    },
    onCommitted({ begun, waiting }) {
      reservations.keep();
      engine.begin(begun);
      for (const delivery of waiting) engine.offer(delivery);
    },
    onRolledBack: () => reservations.giveBack(),
  });
};
