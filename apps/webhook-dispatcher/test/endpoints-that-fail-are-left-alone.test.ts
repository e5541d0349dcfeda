import { createManualClock, webhookEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { ids } from './support/deliveries.ts';
import { type Received, type Receiver, startReceiver } from './support/receiver.ts';

const clock = createManualClock();
let admin: TestAdmin;
let receiver: Receiver;
let answer: (response: import('node:http').ServerResponse, request: Received, number: number) => void;

beforeAll(async () => {
  admin = await startTestAdmin({ clock });
});
afterAll(() => admin?.close());
beforeEach(async () => {
  answer = (response) => response.end('OK');
  receiver = await startReceiver((...args) => answer(...args));
});
afterEach(() => receiver.close());

const answers = (status: number) => {
  answer = (response) => {
    response.statusCode = status;
    response.end();
  };
};
const publish = async (endpoint: MadeEndpoint, eventType = 'order.created'): Promise<string> => {
  const messageId = ids.next();
  await admin.dispatcher.bus.publishEvent(
    webhookEvents.messagePublished,
    {
      message_id: messageId,
      owner: endpoint.owner,
      event_type: eventType,
      environment: 'sandbox',
      body: '{"a":1}',
    },
    { source: 'ticket-service' },
  );
  return messageId;
};
interface Delivery {
  id: string;
  message_id: string;
  status: string;
  attempt_count: number;
  schedule_step: number;
  due_at: Date | null;
  finished_at: Date | null;
}
const deliveriesOf = (endpoint: MadeEndpoint) =>
  admin.rows<Delivery>('SELECT * FROM webhook_deliveries WHERE endpoint_id = $1 ORDER BY sequence', [
    endpoint.id,
  ]);
const healthOf = async (endpoint: MadeEndpoint) => {
  const [health] = await admin.rows<{
    failing_since: Date | null;
    consecutive_failures: number;
    last_success_at: Date | null;
    last_failure_at: Date | null;
    last_error: string | null;
    circuit_open_until: Date | null;
  }>('SELECT * FROM webhook_endpoint_health WHERE endpoint_id = $1', [endpoint.id]);
  return health;
};
const attempted = (endpoint: MadeEndpoint, count: number) =>
  waitFor(
    async () => {
      const deliveries = await deliveriesOf(endpoint);
      return deliveries.reduce((sum, one) => sum + one.attempt_count, 0) >= count;
    },
    { what: `${count} attempts on record` },
  );
const passes = async (seconds: number) => {
  clock.advance(seconds);
  admin.dispatcher.engine.poll();
  await admin.dispatcher.engine.idle();
};
const stored = (endpoint: MadeEndpoint, count: number) =>
  waitFor(async () => (await deliveriesOf(endpoint)).length >= count, { what: `${count} deliveries` });

test('410 disables an endpoint at once; its delivery is kept and told as failed, without a next attempt', async () => {
  answers(410);
  const endpoint = await admin.makeEndpoint(receiver.url);
  const messageId = await publish(endpoint);
  await attempted(endpoint, 1);
  expect(await deliveriesOf(endpoint)).toMatchObject([
    { status: 'held', due_at: null, finished_at: null, attempt_count: 1 },
  ]);
  expect((await admin.ask('GET', `/endpoints/${endpoint.id}`)).body).toMatchObject({
    status: 'disabled',
    disabled_reason: 'gone',
  });
  const failed = await admin.events('webhooks.delivery.failed');
  expect(failed.filter((one) => one.message_id === messageId)).toMatchObject([
    { http_status: 410, next_attempt_at: null },
  ]);
  const disabled = await admin.events('webhooks.endpoint.disabled');
  expect(disabled.filter((one) => one.endpoint_id === endpoint.id)).toMatchObject([
    { reason: 'gone', last_error: 'HTTP 410' },
  ]);
  await publish(endpoint);
  await stored(endpoint, 2);
  await passes(100);
  expect(receiver.received).toHaveLength(1);
  expect(await admin.dispatcher.metrics.render()).toMatch(
    /^webhook_endpoints_disabled_total\{.*reason="gone".*\} 1$/m,
  );
});

test('what its old address answers says nothing about an endpoint that moved meanwhile, and goes to the new one', async () => {
  const moved = Promise.withResolvers<void>();
  const old = await startReceiver((response, _request, number) => {
    response.statusCode = number === 1 ? 410 : 500;
    void moved.promise.then(() => response.end());
  });
  const endpoint = await admin.makeEndpoint(old.url);
  await publish(endpoint);
  await publish(endpoint);
  await waitFor(() => old.received.length === 2, { what: 'both attempts' });
  await admin.ask('PATCH', `/endpoints/${endpoint.id}`, { url: receiver.url });
  moved.resolve();
  await attempted(endpoint, 2);
  await passes(10);
  await attempted(endpoint, 4);
  expect((await deliveriesOf(endpoint)).map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  expect((await admin.ask('GET', `/endpoints/${endpoint.id}`)).body).toMatchObject({ status: 'enabled' });
  expect(await healthOf(endpoint)).toMatchObject({ last_failure_at: null, consecutive_failures: 0 });
  await old.close();
});

test('nothing but failures for 120 hours disables it; a success in between starts the count anew', async () => {
  answers(500);
  const endpoint = await admin.makeEndpoint(receiver.url, { schedule_seconds: [0] });
  const isEnabled = async () =>
    (await admin.ask('GET', `/endpoints/${endpoint.id}`)).body.status === 'enabled';
  let count = 0;
  const attemptAfterHours = async (hours: number) => {
    clock.advance(hours * 3600);
    await publish(endpoint);
    count += 1;
    await attempted(endpoint, count);
  };
  await attemptAfterHours(0);
  await attemptAfterHours(100);
  answers(200);
  await attemptAfterHours(10);
  expect(await healthOf(endpoint)).toMatchObject({ failing_since: null, consecutive_failures: 0 });
  answers(500);
  await attemptAfterHours(10);
  await attemptAfterHours(119.9);
  expect(await isEnabled()).toBe(true);
  expect(await healthOf(endpoint)).toMatchObject({ consecutive_failures: 2, last_error: 'HTTP 500' });
  await attemptAfterHours(0.1);
  expect(await isEnabled()).toBe(false);
  const disabled = await admin.events('webhooks.endpoint.disabled');
  expect(disabled.filter((one) => one.endpoint_id === endpoint.id)).toMatchObject([{ reason: 'failing' }]);
});

test('what is under way when its endpoint is disabled or deleted is held or cancelled, not tried again', async () => {
  const arrived: (() => void)[] = [];
  answer = (response) => {
    response.statusCode = 500;
    arrived.push(() => response.end());
  };
  const disabled = await admin.makeEndpoint(receiver.url);
  const deleted = await admin.makeEndpoint(receiver.url);
  await publish(disabled);
  await publish(deleted);
  await waitFor(() => arrived.length === 2, { what: 'both attempts to arrive' });
  expect((await admin.ask('POST', `/endpoints/${disabled.id}/disable`, {})).status).toBe(200);
  expect((await admin.ask('DELETE', `/endpoints/${deleted.id}`)).status).toBeLessThan(300);
  for (const end of arrived) end();
  await attempted(disabled, 1);
  await attempted(deleted, 1);
  expect(await deliveriesOf(disabled)).toMatchObject([{ status: 'held', due_at: null }]);
  expect(await deliveriesOf(deleted)).toMatchObject([{ status: 'cancelled', finished_at: clock.now() }]);
  await passes(3600);
  expect(receiver.received).toHaveLength(2);
});

test('an attempt whose dispatcher died before its endpoint was disabled is lost, and its delivery held like the others', async () => {
  const endpoint = await admin.makeEndpoint(receiver.url, { schedule_seconds: [60] });
  await publish(endpoint);
  await stored(endpoint, 1);
  await admin.rows(
    `UPDATE webhook_deliveries SET lease_owner = 'somebody who is gone', leased_at = $2, due_at = $3
     WHERE endpoint_id = $1`,
    [endpoint.id, clock.now(), new Date(clock.now().getTime() + 30_000)],
  );
  expect((await admin.ask('POST', `/endpoints/${endpoint.id}/disable`, {})).status).toBe(200);
  expect(await deliveriesOf(endpoint)).toMatchObject([{ status: 'pending', attempt_count: 0 }]);
  await passes(31);
  expect((await admin.ask('POST', `/endpoints/${endpoint.id}/enable`, {})).status).toBe(200);
  await passes(3600);
  expect(await deliveriesOf(endpoint)).toMatchObject([{ status: 'held', attempt_count: 1, due_at: null }]);
  expect(
    await admin.rows(
      `SELECT a.attempt_number, a.outcome FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
       WHERE d.endpoint_id = $1`,
      [endpoint.id],
    ),
  ).toEqual([{ attempt_number: 1, outcome: 'lost' }]);
  expect(receiver.received).toHaveLength(0);
});

test('after ten failures in a row its circuit opens; one attempt tries, and a success lets the rest through', async () => {
  answers(500);
  const endpoint = await admin.makeEndpoint(receiver.url, { schedule_seconds: [0, 0, 0, 0, 3600, 3600] });
  for (let count = 0; count < 5; count += 1) await publish(endpoint);
  await waitFor(async () => (await healthOf(endpoint))?.circuit_open_until, { what: 'the circuit to open' });
  await admin.dispatcher.engine.idle();
  const health = await healthOf(endpoint);
  const openSeconds = (Number(health?.circuit_open_until) - clock.now().getTime()) / 1000;
  expect(openSeconds).toBeGreaterThanOrEqual(24);
  expect(openSeconds).toBeLessThanOrEqual(36);
  const sentBefore = receiver.received.length;
  // Those that ran side by side when it opened; five at a time at most.
  expect(sentBefore).toBeLessThan(15);
  await publish(endpoint);
  await stored(endpoint, 6);
  await passes(20);
  expect(receiver.received).toHaveLength(sentBefore);

  await passes(16.1);
  expect(receiver.received).toHaveLength(sentBefore + 1);
  const reopened = await healthOf(endpoint);
  expect(reopened?.circuit_open_until?.getTime()).toBeGreaterThan(clock.now().getTime());

  answers(200);
  await passes(300);
  await waitFor(
    async () => (await deliveriesOf(endpoint)).filter((one) => one.status === 'succeeded').length > 0,
    { what: 'a success' },
  );
  await admin.dispatcher.engine.idle();
  // An hour, and the fifth by which a step may be longer.
  await passes(4400);
  await waitFor(async () => (await deliveriesOf(endpoint)).every((one) => one.status === 'succeeded'), {
    what: 'the rest to arrive',
  });
  expect(await healthOf(endpoint)).toMatchObject({ circuit_open_until: null, consecutive_failures: 0 });
});

test('a failure that disables an endpoint is recorded while somebody gives that endpoint another address', async () => {
  const endpoint = await admin.makeEndpoint(receiver.url);
  const recorder = new pg.Client({ connectionString: admin.urls.owner });
  await recorder.connect();
  try {
    // Shorter than Postgres takes to find two that wait for each other.
    await recorder.query("BEGIN; SET LOCAL lock_timeout = '500ms'");
    await recorder.query(
      'UPDATE webhooks.webhook_endpoint_health SET last_error = $2 WHERE endpoint_id = $1',
      [endpoint.id, 'HTTP 410'],
    );
    const change = admin.ask('PATCH', `/endpoints/${endpoint.id}`, { url: `${receiver.url}other` });
    const waiting =
      'SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))';
    await waitFor(async () => (await recorder.query(waiting)).rows.length > 0, {
      what: 'the change to wait',
    });
    // Each would wait for the other if the change held the endpoint while it waits for its health.
    await recorder.query(
      `UPDATE webhooks.webhook_endpoints SET status = 'disabled', disabled_reason = 'gone', disabled_at = now()
       WHERE id = $1`,
      [endpoint.id],
    );
    await recorder.query('COMMIT');
    expect((await change).body).toMatchObject({ url: `${receiver.url}other`, status: 'disabled' });
  } finally {
    await recorder.end();
  }
});

test('a healthy endpoint costs one write of its health a minute', async () => {
  const endpoint = await admin.makeEndpoint(receiver.url);
  const version = async () =>
    (
      await admin.rows<{ xmin: string }>(
        'SELECT xmin::text FROM webhook_endpoint_health WHERE endpoint_id = $1',
        [endpoint.id],
      )
    )[0]?.xmin;
  await publish(endpoint);
  await attempted(endpoint, 1);
  const first = await version();
  await publish(endpoint);
  await attempted(endpoint, 2);
  expect(await version()).toBe(first);
  clock.advance(60);
  await publish(endpoint);
  await attempted(endpoint, 3);
  expect(await version()).not.toBe(first);
  expect((await healthOf(endpoint))?.last_success_at).toEqual(clock.now());
});

test('steps to an endpoint vary by 20 % either way; Retry-After is kept to, up to twice the step', async () => {
  answers(500);
  const endpoint = await admin.makeEndpoint(receiver.url, { schedule_seconds: [0, 1000] });
  for (let count = 0; count < 8; count += 1) await publish(endpoint);
  await attempted(endpoint, 8);
  const waits = (await deliveriesOf(endpoint)).map(
    (one) => (Number(one.due_at) - clock.now().getTime()) / 1000,
  );
  for (const seconds of waits) {
    expect(seconds).toBeGreaterThanOrEqual(800);
    expect(seconds).toBeLessThanOrEqual(1200);
  }
  expect(new Set(waits).size).toBeGreaterThan(1);

  answer = (response) => {
    response.writeHead(500, { 'retry-after': '1999' });
    response.end();
  };
  const other = await admin.makeEndpoint(receiver.url, { schedule_seconds: [0, 1000] });
  await publish(other);
  await attempted(other, 1);
  const [delivery] = await deliveriesOf(other);
  expect((Number(delivery?.due_at) - clock.now().getTime()) / 1000).toBe(1999);
});

test('an exhausted delivery is told to the owner, but one of a message about webhooks is not', async () => {
  answers(500);
  const endpoint = await admin.makeEndpoint(receiver.url, {
    schedule_seconds: [0],
    event_types: ['*', 'webhooks.*'],
  });
  const messageId = await publish(endpoint);
  await publish(endpoint, 'webhooks.endpoint.disabled');
  await attempted(endpoint, 2);
  const told = (await admin.events('webhooks.message.published')).filter(
    (one) => one.owner === endpoint.owner && one.event_type === 'webhooks.delivery.exhausted',
  );
  expect(told).toMatchObject([{ except_endpoint_id: endpoint.id }]);
  expect(JSON.parse(told[0]?.body).data).toMatchObject({ message_id: messageId, last_error: 'HTTP 500' });
  const exhausted = await admin.events('webhooks.delivery.exhausted');
  expect(exhausted.filter((one) => one.endpoint_id === endpoint.id)).toHaveLength(2);
});

test('keys that this service could not read are no failure of the endpoint', async () => {
  const endpoint = await admin.makeEndpoint(receiver.url);
  await admin.rows('ALTER TABLE webhook_signing_keys RENAME TO away');
  admin.dispatcher.signingKeys.forget();
  await publish(endpoint);
  await attempted(endpoint, 1);
  await admin.rows('ALTER TABLE away RENAME TO webhook_signing_keys');
  const [first] = await admin.rows(
    `SELECT a.outcome, a.error FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
     WHERE d.endpoint_id = $1 ORDER BY a.attempt_number`,
    [endpoint.id],
  );
  expect(first).toEqual({ outcome: 'lost', error: 'not sent: the keys that sign could not be read' });
  expect(await healthOf(endpoint)).toMatchObject({ consecutive_failures: 0, last_error: null });
  await passes(600);
  expect((await deliveriesOf(endpoint)).map(({ status }) => status)).toEqual(['succeeded']);
});
