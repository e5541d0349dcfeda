import { createManualClock } from '@switchboard/contracts';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepHouse } from '../src/domain/deliveries/run-housekeeping.ts';
import { makeRequest, startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let database: TestDatabase;
let dispatcher: TestDispatcher;
let receiver: Receiver;
const clock = createManualClock();
const DAY_SECONDS = 86_400;
const never = new AbortController().signal;

beforeEach(async () => {
  await resetNats();
  database = await createTestDatabase();
  receiver = await startReceiver();
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

const count = async (table: string) => {
  const { rows } = await sql<{
    count: number;
  }>`SELECT count(*)::int AS count FROM ${sql.table(table)}`.execute(dispatcher.ctx.db);
  return rows[0]?.count;
};
const bodies = async () => {
  const { rows } = await sql<{ body: string | null }>`SELECT body FROM webhook_messages`.execute(
    dispatcher.ctx.db,
  );
  return rows.map((row) => row.body);
};

test('payloads leave after 30 days, attempts and all else after 90, what is pending stays', async () => {
  const retention = { payloadDays: 30, attemptDays: 90 };
  await dispatcher.store(makeRequest(receiver.url));
  dispatcher.engine.poll();
  await waitFor(async () => (await dispatcher.attempts()).length === 1, { what: 'the attempt on record' });
  await dispatcher.stop({ deadlineMs: 1 });
  await dispatcher.store(makeRequest(receiver.url, { body: '{"kept":true}' }));

  clock.advance(29 * DAY_SECONDS);
  expect(await keepHouse(dispatcher.ctx, retention, never)).toEqual({
    bodies: 0,
    attempts: 0,
    deliveries: 0,
  });
  clock.advance(2 * DAY_SECONDS);
  expect(await keepHouse(dispatcher.ctx, retention, never)).toEqual({
    bodies: 1,
    attempts: 0,
    deliveries: 0,
  });
  expect((await bodies()).toSorted()).toEqual(['{"kept":true}', null].toSorted());
  expect(await count('webhook_attempts')).toBe(1);

  clock.advance(60 * DAY_SECONDS);
  expect(await keepHouse(dispatcher.ctx, retention, never)).toEqual({
    bodies: 0,
    attempts: 1,
    deliveries: 1,
  });
  expect(await bodies()).toEqual(['{"kept":true}']);
  expect(await count('webhook_deliveries')).toBe(1);
});
