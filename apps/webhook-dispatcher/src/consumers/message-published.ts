import type { Bus, Consumer } from '@switchboard/bus';
import { webhookEvents } from '@switchboard/contracts';
import { type DataContext, startBatchConsumer } from '@switchboard/db';
import type { Schedule } from '../domain/deliveries/schedule.ts';
import type { Engine } from '../domain/engine/engine.ts';
import { reserveFor } from '../domain/engine/reservations.ts';
import { fanOut } from '../domain/messages/fan-out.ts';

export interface MessagePublishedDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly engine: Pick<Engine, 'offer' | 'reserve' | 'giveBack' | 'begin'>;
  /** Of endpoints that have none of their own. */
  readonly schedule: Schedule;
}

/** Messages of one transaction; bodies have up to 1 MB each. */
const BATCH_MAX = 64;

/** Stores what services tell owners, for each endpoint that takes it, and hands it to the engine after the commit. */
export const startMessagePublished = ({ ctx, bus, engine, schedule }: MessagePublishedDeps): Consumer => {
  const reservations = reserveFor(engine);
  return startBatchConsumer(ctx, {
    bus,
    durable: 'webhook-messages',
    event: webhookEvents.messagePublished,
    batchMax: BATCH_MAX,
    handler: (items, { trx }) =>
      fanOut(
        trx,
        items.map(({ data, envelope }) => ({ message: data, traceparent: envelope.traceparent })),
        { now: ctx.clock.now(), ids: ctx.ids, schedule, reserve: reservations.begin() },
      ),
    onCommitted({ begun, waiting }) {
      reservations.keep();
      engine.begin(begun);
      for (const delivery of waiting) engine.offer(delivery);
    },
    onRolledBack: () => reservations.giveBack(),
  });
};
