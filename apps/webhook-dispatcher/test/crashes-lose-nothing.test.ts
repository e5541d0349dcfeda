import {
  createTestDatabase,
  type OwnPostgres,
  resetNats,
  startNats,
  startPostgres,
  startService,
  type TestDatabase,
  type TestService,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import { awkwardBody, secrets } from './support/deliveries.ts';
import { makeRequest, startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

/* One crash at one moment each; everything at random moments is tests/webhooks-survive-crashes. */

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const open = async <T>(opening: Promise<T>, close: (it: T) => Promise<unknown>): Promise<T> => {
  const it = await opening;
  closing.push(() => close(it));
  return it;
};

const receiver = (...args: Parameters<typeof startReceiver>): Promise<Receiver> =>
  open(startReceiver(...args), (one) => one.close());
const watcher = (databaseUrl: string, natsUrl: string, settings = {}): Promise<TestDispatcher> =>
  open(startTestDispatcher({ databaseUrl, natsUrl, settings }), (one) => one.close());
const service = (databaseUrl: string, natsUrl: string, env = {}): Promise<TestService> =>
  open(
    startService('webhook-dispatcher', {
      DATABASE_URL: databaseUrl,
      NATS_URL: natsUrl,
      ...secrets,
      WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
      WEBHOOK_LEASE_SECONDS: '1',
      WEBHOOK_PARTNER_SCHEDULE_SECONDS: '0,1,1',
      DRAIN_SECONDS: '0',
      ...env,
    }),
    (one) => one.stop(),
  );

test('SIGKILL in the middle of an attempt: it is on record as lost, and sent again with the same id and bytes', async () => {
  await resetNats();
  const database: TestDatabase = await open(createTestDatabase(), (one) => one.drop());
  const arrived = Promise.withResolvers<void>();
  const sink = await receiver((response, _request, number) => {
    if (number === 1) arrived.resolve();
    else response.end('OK');
  });
  const process = await service(database.urlFor('webhooks'), testNatsUrl());
  await process.waitReady();
  // Asks and watches, and sends nothing of its own: it has stopped.
  const outside = await watcher(database.urlFor('webhooks'), testNatsUrl());
  await outside.stop({ deadlineMs: 1 });
  const request = makeRequest(sink.url);
  await outside.request(request);
  await arrived.promise;
  await process.kill();
  await process.restart();
  await process.waitReady();
  await waitFor(async () => (await outside.attempts()).length === 2, {
    what: 'the attempt to be made good',
  });
  expect(await outside.attempts()).toMatchObject([
    { attempt_number: 1, outcome: 'lost', duration_ms: null, http_status: null },
    { attempt_number: 2, outcome: 'succeeded', http_status: 200 },
  ]);
  expect(sink.received.map((one) => one.headers['webhook-id'])).toEqual([
    request.message_id,
    request.message_id,
  ]);
  for (const { body } of sink.received) expect(body.toString()).toBe(awkwardBody);
  expect((await outside.emitted()).map((event) => event.subject)).toEqual([
    'webhooks.delivery.failed',
    'webhooks.delivery.succeeded',
  ]);
});

test('Postgres restarts while an attempt runs: its outcome is recorded, it is not sent twice, and work goes on', async () => {
  await resetNats();
  const postgres: OwnPostgres = await open(startPostgres(), (one) => one.stop());
  const arrived = Promise.withResolvers<() => void>();
  const sink = await receiver((response, _request, number) => {
    if (number === 1) arrived.resolve(() => response.end('OK'));
    else response.end('OK');
  });
  const one = await watcher(postgres.urlFor('webhooks'), testNatsUrl());
  await one.request(makeRequest(sink.url));
  const answer = await arrived.promise;
  await postgres.kill();
  answer();
  await one.request(makeRequest(sink.url));
  await postgres.restart();
  await waitFor(async () => (await one.attempts().catch(() => [])).length === 2, {
    what: 'both attempts on record',
  });
  expect(await one.attempts()).toMatchObject([
    { attempt_number: 1, outcome: 'succeeded' },
    { attempt_number: 1, outcome: 'succeeded' },
  ]);
  expect(sink.received).toHaveLength(2);
});

test('without NATS what is stored is sent, and its events are published when NATS is back', async () => {
  const database: TestDatabase = await open(createTestDatabase(), (one) => one.drop());
  const nats = await open(startNats(), (one) => one.stop());
  const sink = await receiver();
  const one = await watcher(database.urlFor('webhooks'), nats.url);
  await nats.kill();
  await one.store(makeRequest(sink.url));
  await waitFor(async () => (await one.attempts()).length === 1, { what: 'the attempt on record' });
  await nats.restart();
  const request = makeRequest(sink.url);
  await waitFor(() => one.bus.isConnected(), { what: 'NATS to be back' });
  await one.request(request);
  await waitFor(async () => (await one.attempts()).length === 2, {
    what: 'the second attempt on record',
  });
  await waitFor(async () => ((await one.bus.streamState('WEBHOOKS'))?.lastSequence ?? 0) >= 3, {
    what: 'the events to be published',
  });
});

test('SIGTERM: the process ends by itself, with nothing half done', async () => {
  await resetNats();
  const database: TestDatabase = await open(createTestDatabase(), (one) => one.drop());
  const arrived = Promise.withResolvers<() => void>();
  const sink = await receiver((response) => arrived.resolve(() => response.end('OK')));
  const process = await service(database.urlFor('webhooks'), testNatsUrl());
  await process.waitReady();
  expect(process.output).toContain('WEBHOOK_ALLOW_PRIVATE_TARGETS is true');
  const metrics = await (await fetch(`${process.url}/metrics`)).text();
  for (const name of [
    'webhook_attempts_total',
    'webhook_attempt_duration_seconds',
    'webhook_backlog_age_seconds',
    'webhook_attempts_in_flight',
    'outbox_oldest_age_seconds',
    'consumer_lag_events',
  ]) {
    expect(metrics).toContain(name);
  }
  const outside = await watcher(database.urlFor('webhooks'), testNatsUrl());
  await outside.stop({ deadlineMs: 1 });
  await outside.request(makeRequest(sink.url));
  const answer = await arrived.promise;
  const stopped = process.stop(40_000);
  answer();
  await stopped;
  expect(await process.exited).toMatchObject({ code: 0 });
  expect(await outside.attempts()).toMatchObject([{ attempt_number: 1, outcome: 'succeeded' }]);
});
