import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeRequest, startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let database: TestDatabase;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  await resetNats();
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await database.drop();
});

const dispatcher = async (settings = {}, pollMs = 100): Promise<TestDispatcher> => {
  const databaseUrl = database.urlFor('webhooks');
  const one = await startTestDispatcher({ databaseUrl, natsUrl: testNatsUrl(), settings, pollMs });
  closing.push(() => one.close());
  return one;
};
/** However slow the rest is, no attempt that hangs ends by itself. */
const hangsForLong = { timeoutSeconds: 300 };
const receiver = async (...args: Parameters<typeof startReceiver>): Promise<Receiver> => {
  const one = await startReceiver(...args);
  closing.push(() => one.close());
  return one;
};
const madeBy = async (one: TestDispatcher): Promise<number> => {
  const found = /^webhook_attempts_total\{[^}]*succeeded[^}]*\} (\d+)$/m.exec(await one.metrics.render());
  return Number(found?.[1] ?? 0);
};

test('two share the work, and nothing is sent twice', async () => {
  const sink = await receiver((response) => setTimeout(() => response.end('OK'), 5));
  const [first, second] = [
    await dispatcher({ concurrencyPerHost: 5 }),
    await dispatcher({ concurrencyPerHost: 5 }),
  ];
  const count = 300;
  await Promise.all(Array.from({ length: count }, () => first.store(makeRequest(sink.url))));
  first.engine.poll();
  second.engine.poll();
  await waitFor(async () => (await first.attempts()).length === count, {
    what: 'all attempts on record',
  });
  expect(new Set(sink.received.map((one) => one.headers['webhook-id'])).size).toBe(count);
  expect(sink.received).toHaveLength(count);
  expect(await madeBy(first)).toBeGreaterThan(0);
  expect(await madeBy(second)).toBeGreaterThan(0);
  expect((await madeBy(first)) + (await madeBy(second))).toBe(count);
});

test('requests over NATS reach either, once', async () => {
  const sink = await receiver();
  const [first] = [await dispatcher(), await dispatcher()];
  await Promise.all(Array.from({ length: 100 }, () => first.request(makeRequest(sink.url))));
  await waitFor(async () => (await first.attempts()).length === 100, {
    what: 'all attempts on record',
  });
  expect(sink.received).toHaveLength(100);
});

test('a host that hangs holds the few slots that a stranger gets, and its neighbours are served', async () => {
  const hanging = await receiver(() => undefined);
  const good = await receiver();
  const one = await dispatcher({ ...hangsForLong, concurrency: 60, concurrencyPerHost: 20 });
  await Promise.all(Array.from({ length: 200 }, () => one.store(makeRequest(hanging.url))));
  one.engine.poll();
  await waitFor(() => hanging.received.length === 4, { what: 'the slots of the hanging host to fill' });
  await Promise.all(Array.from({ length: 100 }, () => one.store(makeRequest(good.url))));
  await Promise.all(Array.from({ length: 100 }, () => one.request(makeRequest(good.url))));
  await waitFor(() => good.received.length === 200, {
    what: 'the neighbour to get all of its own',
  });
  expect(hanging.received).toHaveLength(4);
});

test('one partner whose 25 ports all hang holds its own slots, and nobody else waits', async () => {
  const hanging = await Promise.all(Array.from({ length: 25 }, () => receiver(() => undefined)));
  const good = await receiver();
  const other = { kind: 'partner', key_id: '0192f0c1-2b3c-7d4e-8f50-617283940aff', version: 1 } as const;
  const one = await dispatcher({ ...hangsForLong, concurrency: 60, concurrencyPerOwner: 30 });
  await Promise.all(
    hanging.flatMap((host) => Array.from({ length: 6 }, () => one.store(makeRequest(host.url)))),
  );
  one.engine.poll();
  const hung = () => hanging.reduce((sum, host) => sum + host.received.length, 0);
  await waitFor(() => one.engine.inFlight() === 30 && hung() === 30, {
    what: 'the slots of the partner to fill',
  });
  await Promise.all(Array.from({ length: 100 }, () => one.request(makeRequest(good.url, { secret: other }))));
  await waitFor(() => good.received.length === 100, {
    what: 'the others to get all of their own',
  });
  expect(hung()).toBe(30);
});

test('fewer slots than hosts: every host gets its turn', async () => {
  const hosts = await Promise.all(Array.from({ length: 8 }, () => receiver()));
  const one = await dispatcher({ concurrency: 3, concurrencyPerHost: 2 });
  await Promise.all(
    hosts.flatMap((host) => Array.from({ length: 10 }, () => one.store(makeRequest(host.url)))),
  );
  one.engine.poll();
  await waitFor(async () => (await one.attempts()).length === 80, {
    what: 'all attempts on record',
  });
  for (const host of hosts) expect(host.received).toHaveLength(10);
});

test('whoever lost its lease changes nothing but the row of its own attempt', async () => {
  const arrived = Promise.withResolvers<() => void>();
  const sink = await receiver((response, _request, number) => {
    if (number === 1) arrived.resolve(() => response.end('late'));
    else response.end('OK');
  });
  // Nor does it say meanwhile that it still works on it.
  const first = await dispatcher({ ...hangsForLong, leaseSeconds: 300 });
  await first.request(makeRequest(sink.url));
  const answer = await arrived.promise;
  const second = await dispatcher();
  await sql`UPDATE webhook_deliveries SET due_at = now() - interval '1 second'`.execute(second.ctx.db);
  await waitFor(async () => (await second.attempts()).length === 2, { what: 'the second attempt on record' });
  expect((await second.attempts()).map((one) => one.outcome)).toEqual(['lost', 'succeeded']);
  answer();
  await first.engine.idle();
  expect(await second.attempts()).toMatchObject([
    { attempt_number: 1, outcome: 'succeeded', answer_body: 'late' },
    { attempt_number: 2, outcome: 'succeeded', answer_body: 'OK' },
  ]);
  expect(await second.deliveries()).toMatchObject([{ status: 'succeeded', attempt_count: 2 }]);
  expect((await second.emitted()).map((event) => event.subject)).toEqual([
    'webhooks.delivery.failed',
    'webhooks.delivery.succeeded',
  ]);
});

test('a process that stops gives back what it could not finish; the next one sends it under the next number', async () => {
  const arrived = Promise.withResolvers<void>();
  const sink = await receiver((response, _request, number) => {
    if (number === 1) arrived.resolve();
    else response.end('OK');
  });
  const first = await dispatcher();
  const request = makeRequest(sink.url);
  await first.request(request);
  await arrived.promise;
  await first.stop({ deadlineMs: 1 });
  const second = await dispatcher();
  await waitFor(async () => (await second.attempts()).length === 2, { what: 'the second attempt' });
  expect(await second.attempts()).toMatchObject([
    {
      attempt_number: 1,
      outcome: 'lost',
      error: 'outcome unknown: the dispatcher was stopped during the attempt',
    },
    { attempt_number: 2, outcome: 'succeeded' },
  ]);
  expect(sink.received.map((one) => one.headers['x-webhook-attempt'])).toEqual(['1', '2']);
  expect(sink.received[0]?.body).toEqual(sink.received[1]?.body);
});

test('a process that stops lets attempts end that are about to', async () => {
  const arrived = Promise.withResolvers<() => void>();
  const sink = await receiver((response) => arrived.resolve(() => response.end('OK')));
  const first = await dispatcher();
  await first.request(makeRequest(sink.url));
  const answer = await arrived.promise;
  const stopped = first.stop({ deadlineMs: 20_000 });
  answer();
  await stopped;
  expect(await first.attempts()).toMatchObject([{ attempt_number: 1, outcome: 'succeeded' }]);
});
