import { createManualClock } from '@switchboard/contracts';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { awkwardBody } from './support/deliveries.ts';
import { makeRequest, startTestDispatcher, type TestDispatcher, TRACEPARENT } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let database: TestDatabase;
let dispatcher: TestDispatcher;
let receiver: Receiver;
let status = 200;
let headers: Readonly<Record<string, string>> = {};
const clock = createManualClock();

beforeEach(async () => {
  await resetNats();
  database = await createTestDatabase();
  status = 200;
  headers = {};
  receiver = await startReceiver((response) => {
    response.writeHead(status, { 'x-partner': 'yes', ...headers });
    response.end(`answer ${status}`);
  });
  dispatcher = await startTestDispatcher({
    databaseUrl: database.urlFor('webhooks'),
    natsUrl: testNatsUrl(),
    clock,
  });
});
afterEach(async () => {
  await dispatcher.close();
  await receiver.close();
  await database.drop();
});

const attemptsOnRecord = (count: number) =>
  waitFor(async () => (await dispatcher.attempts()).length >= count, { what: `${count} attempts on record` });

test('a callback is sent at once, on record with its answer, and told', async () => {
  const request = makeRequest(receiver.url);
  await dispatcher.request(request);
  await attemptsOnRecord(1);
  expect(await dispatcher.attempts()).toMatchObject([
    {
      message_id: request.message_id,
      attempt_number: 1,
      outcome: 'succeeded',
      http_status: 200,
      answer_headers: { 'x-partner': 'yes' },
      answer_body: 'answer 200',
      error: null,
    },
  ]);
  expect(await dispatcher.deliveries()).toMatchObject([
    { status: 'succeeded', due_at: null, lease_owner: null },
  ]);
  const [event] = await dispatcher.emitted();
  expect(event).toMatchObject({
    subject: 'webhooks.delivery.succeeded',
    data: { message_id: request.message_id, attempt_number: 1, http_status: 200, url: receiver.url },
  });
  const traceId = TRACEPARENT.split('-')[1] ?? '';
  expect(event?.traceparent).toContain(traceId);
  expect(receiver.received[0]?.headers.traceparent).toContain(traceId);
});

test.each([
  ['90', 90],
  ['1', 60],
  ['86400', 120],
  ['a date 100 s from now', 100],
  ['soon', 60],
  ['-5', 60],
])('Retry-After: %s waits %d s: at least the step, at most twice of it', async (retryAfter, seconds) => {
  status = 503;
  const at = clock.now().getTime();
  const isDate = retryAfter.startsWith('a date');
  headers = { 'retry-after': isDate ? new Date(at + 100_000).toUTCString() : retryAfter };
  await dispatcher.request(makeRequest(receiver.url));
  await attemptsOnRecord(1);
  const [delivery] = await dispatcher.deliveries();
  expect((Number(delivery?.due_at) - at) / 1000).toBe(seconds);
});

test('after a failure at +60 s and +300 s, the same id and bytes each time, then no more', async () => {
  status = 500;
  const request = makeRequest(receiver.url);
  await dispatcher.request(request);
  await attemptsOnRecord(1);
  for (const [seconds, count] of [
    [60, 2],
    [300, 3],
  ] as const) {
    clock.advance(seconds - 1);
    dispatcher.engine.poll();
    await dispatcher.engine.idle();
    expect(receiver.received).toHaveLength(count - 1);
    clock.advance(1);
    dispatcher.engine.poll();
    await attemptsOnRecord(count);
  }
  clock.advance(100_000);
  dispatcher.engine.poll();
  await dispatcher.engine.idle();

  expect(receiver.received.map((one) => one.headers['x-webhook-attempt'])).toEqual(['1', '2', '3']);
  expect(new Set(receiver.received.map((one) => one.headers['webhook-id']))).toEqual(
    new Set([request.message_id]),
  );
  expect(new Set(receiver.received.map((one) => one.headers['x-partner-signature'])).size).toBe(1);
  for (const { body } of receiver.received) expect(body.toString()).toBe(awkwardBody);
  const timestamps = receiver.received.map((one) => Number(one.headers['webhook-timestamp']));
  expect(timestamps.map((each) => each - (timestamps[0] ?? 0))).toEqual([0, 60, 360]);
  expect((await dispatcher.attempts()).map((one) => one.error)).toEqual(['HTTP 500', 'HTTP 500', 'HTTP 500']);
  expect(await dispatcher.deliveries()).toMatchObject([
    { status: 'exhausted', attempt_count: 3, due_at: null },
  ]);
  const emitted = await dispatcher.emitted();
  expect(emitted.map((event) => event.subject)).toEqual([
    'webhooks.delivery.failed',
    'webhooks.delivery.failed',
    'webhooks.delivery.exhausted',
  ]);
  const attemptedAt = Date.parse(String(emitted[0]?.data.attempted_at));
  expect(emitted[0]?.data.next_attempt_at).toBe(new Date(attemptedAt + 60_000).toISOString());
});

test('a receiver that comes back gets it at the next attempt', async () => {
  status = 503;
  await dispatcher.request(makeRequest(receiver.url));
  await attemptsOnRecord(1);
  status = 204;
  clock.advance(60);
  dispatcher.engine.poll();
  await attemptsOnRecord(2);
  expect((await dispatcher.attempts()).map((one) => one.outcome)).toEqual(['failed', 'succeeded']);
});

test('the same event, and the same message asked for anew, are one delivery', async () => {
  const request = makeRequest(receiver.url);
  const eventId = '0192f0c1-2b3c-7d4e-8f50-617283940aaa';
  await Promise.all([1, 2, 3].map(() => dispatcher.request(request, eventId)));
  await Promise.all([1, 2, 3].map(() => dispatcher.request(request)));
  await waitFor(async () => (await dispatcher.lag()) === 0, { what: 'all requests to be handled' });
  await attemptsOnRecord(1);
  expect(await dispatcher.deliveries()).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);
});

test('a refused target and a URL that is none follow the schedule like any failure', async () => {
  await dispatcher.request(makeRequest('http://10.0.0.1/', { environment: 'production', message_id: 'a' }));
  await dispatcher.request(makeRequest('nowhere', { message_id: 'b' }));
  await attemptsOnRecord(2);
  expect((await dispatcher.attempts()).map((one) => one.error)).toEqual([
    'refused target: only https is allowed here',
    'refused target: not an absolute http or https URL',
  ]);
  expect(await dispatcher.deliveries()).toMatchObject([{ status: 'pending' }, { status: 'pending' }]);
});

test('a request that cannot be stored harms none that came with it', async () => {
  const requests = [
    makeRequest(receiver.url),
    // Postgres stores no NUL; JSON never has one.
    makeRequest(receiver.url, { body: 'a\u0000b' }),
    makeRequest(receiver.url),
  ];
  await Promise.all(requests.map((request) => dispatcher.request(request)));
  await attemptsOnRecord(2);
  const arrived = receiver.received.map((one) => one.headers['webhook-id']);
  expect(arrived.toSorted()).toEqual([requests[0]?.message_id, requests[2]?.message_id].toSorted());
});
