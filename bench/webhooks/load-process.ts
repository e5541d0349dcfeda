import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { connectBus, silentLog } from '@switchboard/bus';
import { webhookEvents } from '@switchboard/contracts';
import { makeMessageId, microseconds } from './message-id.ts';
import { BODY, type SendOrder } from './orders.ts';

/* Publishes requests for webhooks through NATS as services do, in a process of its own, when it is told to. */
const TICK_MS = 5;
const AT_ONCE = 100;

const bus = await connectBus({ url: process.env.NATS_URL ?? '', name: 'bench-load', log: silentLog });
const options = { source: 'partner-service' };

const publish = ({ targets }: SendOrder, index: number) => {
  const target = targets[index % targets.length];
  if (!target) throw new RangeError('there is no target');
  return target.kind === 'callback'
    ? bus.publishEvent(
        webhookEvents.deliveryRequested,
        {
          profile: 'partner',
          message_id: makeMessageId(),
          event_type: 'partner.job.finished',
          url: target.url,
          environment: 'sandbox',
          secret: { kind: 'partner', key_id: target.keyId, version: 1 },
          body: BODY,
        },
        options,
      )
    : bus.publishEvent(
        webhookEvents.messagePublished,
        {
          message_id: makeMessageId(),
          owner: target.owner,
          event_type: 'bench.sent',
          environment: 'sandbox',
          body: BODY,
        },
        options,
      );
};

/** As many as the clock says are due, however long earlier ones take: an open loop. */
const sendAtRate = async (order: SendOrder, ratePerSecond: number) => {
  const startedMs = performance.now();
  const pending: Promise<unknown>[] = [];
  while (pending.length < order.count) {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * ratePerSecond) + 1;
    while (pending.length < Math.min(order.count, due)) pending.push(publish(order, pending.length));
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(pending);
};

const sendAll = async (order: SendOrder) => {
  for (let sent = 0; sent < order.count; sent += AT_ONCE) {
    const size = Math.min(AT_ONCE, order.count - sent);
    await Promise.all(Array.from({ length: size }, (_, offset) => publish(order, sent + offset)));
  }
};

createServer(async (request, response) => {
  if (request.method !== 'POST') return void response.end('ready');
  const order = (await json(request)) as SendOrder;
  const startedAt = microseconds();
  if (order.ratePerSecond === null) await sendAll(order);
  else await sendAtRate(order, order.ratePerSecond);
  response.end(JSON.stringify({ seconds: (microseconds() - startedAt) / 1e6 }));
}).listen(Number(process.env.PORT), '127.0.0.1');
