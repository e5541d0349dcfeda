import {
  createTestDatabase,
  resetNats,
  startService,
  type TestDatabase,
  type TestService,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { secrets } from './support/deliveries.ts';

let database: TestDatabase;
let process: TestService;

beforeAll(async () => {
  await resetNats();
  database = await createTestDatabase();
  process = await startService('webhook-dispatcher', {
    DATABASE_URL: database.urlFor('webhooks'),
    NATS_URL: testNatsUrl(),
    ...secrets,
    DRAIN_SECONDS: '0',
  });
  await process.waitReady();
});
afterAll(async () => {
  await process?.stop();
  await database?.drop();
});

test('readiness names what it leans on by the words of every other service', async () => {
  const answer = await fetch(`${process.url}/readyz`);
  expect(await answer.json()).toEqual({ status: 'ready', checks: { database: 'ok', bus: 'ok' } });
});

test('attempts, what waits, and whom nothing is sent to can be watched', async () => {
  // Ready is who can be asked; who else lives is seen a moment later.
  const text = await waitFor(
    async () => {
      const metrics = await (await fetch(`${process.url}/metrics`)).text();
      return /^webhook_dispatchers_live\{.*\} 1$/m.test(metrics) && metrics;
    },
    { what: 'the dispatcher to see itself' },
  );
  for (const line of [
    /^webhook_attempts_in_flight\{.*\} 0$/m,
    /^webhook_backlog_age_seconds\{.*\} 0$/m,
    /^webhook_lanes_paused\{.*\} 0$/m,
    /^webhook_lanes_open\{.*\} 0$/m,
    /^webhook_dispatchers_live\{.*\} 1$/m,
    /^# TYPE webhook_attempts_total counter$/m,
    /^# TYPE webhook_deliveries_exhausted_total counter$/m,
    /^# TYPE webhook_endpoints_disabled_total counter$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test('requests, the loop, the pool, the outbox and the consumer can be watched', async () => {
  const read = async () => (await fetch(`${process.url}/metrics`)).text();
  const text = await waitFor(
    async () => {
      const metrics = await read();
      return metrics.includes('consumer_lag_events{') && metrics;
    },
    { what: 'the lag of the consumer' },
  );
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds{',
    'database_pool_connections{state="used"',
    'database_pool_waiting{',
    'outbox_oldest_age_seconds{',
    'consumer_lag_events{consumer="webhook-requests"',
    'consumer_unacked_events{consumer="webhook-requests"',
    'consumer_dead_events{consumer="webhook-requests"',
  ]) {
    expect(text).toContain(name);
  }
});
