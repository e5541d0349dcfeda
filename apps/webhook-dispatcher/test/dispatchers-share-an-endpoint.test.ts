import { webhookEvents } from '@switchboard/contracts';
import { testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startMembership } from '../src/domain/engine/membership.ts';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { ids } from './support/deliveries.ts';
import { startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let admin: TestAdmin;
let first: TestDispatcher;
let second: TestDispatcher;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  admin = await startTestAdmin();
  first = admin.dispatcher;
});
afterAll(async () => {
  await second?.close();
  await admin?.close();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const receiver = async (...args: Parameters<typeof startReceiver>): Promise<Receiver> => {
  const one = await startReceiver(...args);
  closing.push(() => one.close());
  return one;
};
const publish = (endpoint: MadeEndpoint, count: number) =>
  Promise.all(
    Array.from({ length: count }, () =>
      first.bus.publishEvent(
        webhookEvents.messagePublished,
        {
          message_id: ids.next(),
          owner: endpoint.owner,
          event_type: 'order.created',
          environment: 'sandbox',
          body: '{}',
        },
        { source: 'ticket-service' },
      ),
    ),
  );
const liveAt = async (one: TestDispatcher): Promise<number> =>
  Number(/^webhook_dispatchers_live\{[^}]*\} (\d+)$/m.exec(await one.metrics.render())?.[1] ?? 0);

/** Counts how many requests it has at a time, each for a while. */
const countingReceiver = async (ms: number) => {
  let now = 0;
  let most = 0;
  const sink = await receiver((response) => {
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      response.end('OK');
    }, ms);
  });
  return { sink, most: () => most };
};

test('one at a time is one at a time, also while another dispatcher joins', async () => {
  const own = await Promise.all([1, 2, 3, 4].map(() => countingReceiver(20)));
  const single = await Promise.all(own.map((one) => admin.makeEndpoint(one.sink.url, { concurrency: 1 })));
  const send = (count: number) => Promise.all(single.map((endpoint) => publish(endpoint, count)));
  await send(10);
  second = await startTestDispatcher({ databaseUrl: admin.urls.webhooks, natsUrl: testNatsUrl() });
  await waitFor(async () => (await liveAt(first)) === 2 && (await liveAt(second)) === 2, {
    what: 'both to know of each other',
  });
  await send(20);
  await waitFor(() => own.every((one) => one.sink.received.length >= 30), {
    what: 'all to arrive',
  });
  expect(own.map((one) => one.most())).toEqual([1, 1, 1, 1]);
  expect(own.map((one) => one.sink.received.length)).toEqual([30, 30, 30, 30]);
});

test('a rate is one over all of them', async () => {
  const times: number[] = [];
  const sink = await receiver((response) => {
    times.push(performance.now());
    response.end('OK');
  });
  const endpoint = await admin.makeEndpoint(sink.url, { rate_per_second: 20, concurrency: 100 });
  await publish(endpoint, 50);
  await waitFor(() => times.length === 50, { what: 'all to arrive' });
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  // 20 a second, and what each may have saved: two and the next one, and as many again if all stood still on the way of the first.
  expect(seconds).toBeGreaterThan((50 - 12) / 20);
});

test('one that stops is forgotten at once, and its share is sent by the other', async () => {
  await second.close();
  const sink = await receiver();
  const lone = await Promise.all(
    Array.from({ length: 6 }, () => admin.makeEndpoint(sink.url, { concurrency: 1 })),
  );
  expect(await admin.rows('SELECT id FROM webhook_dispatchers')).toHaveLength(1);
  await Promise.all(lone.map((endpoint) => publish(endpoint, 1)));
  await waitFor(() => sink.received.length === 6, { what: 'all to arrive' });
});

test('one that died is not counted for long, and its row is removed', async () => {
  await waitFor(async () => (await liveAt(first)) === 1, { what: 'the other to be forgotten' });
  await admin.rows(`INSERT INTO webhook_dispatchers (id, started_at, seen_at)
    VALUES ('died', now(), now() - interval '9 seconds'), ('died-long-ago', now(), now() - interval '1 day')`);
  await waitFor(
    async () =>
      (await admin.rows(`SELECT id FROM webhook_dispatchers WHERE id = 'died-long-ago'`)).length === 0,
    { what: 'the row to be removed' },
  );
  expect(await liveAt(first)).toBe(1);
});

test('one that stood still for so long that it was taken for dead counts what the others began in its place', async () => {
  // A clock of its own: how long this test takes is no part of it.
  let nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  closing.push(async () => clock.mockRestore());
  const membership = startMembership({
    ctx: first.ctx,
    id: 'stood-still',
    settleMs: 1_000,
    onChange: () => undefined,
  });
  closing.push(() => membership.stop());
  await waitFor(() => membership.live() === 2, { what: 'it to find the other' });
  nowMs += 1_500;
  expect(membership.isSettling()).toBe(false);
  nowMs += 9_000;
  expect(membership.isSettling()).toBe(true);
});
