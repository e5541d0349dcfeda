import { silentLog } from '@switchboard/bus';
import { createManualClock, createUuidV7Ids } from '@switchboard/contracts';
import { createDatabase, createDataContext, type DataContext, type Schemas } from '@switchboard/db';
import {
  createTestDatabase,
  openQueryMeter,
  PATIENT_DATABASE,
  type QueryMeter,
  type TestDatabase,
} from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  emptyMessages,
  removeAttempts,
  removeDeliveries,
  removeReplays,
} from '../src/domain/deliveries/housekeeping.ts';
import { keepHouse } from '../src/domain/deliveries/run-housekeeping.ts';
import { type Filling, fillDeliveries, queryOf } from './support/rows.ts';

let database: TestDatabase;
let owner: pg.Client;
let ctx: DataContext<'webhooks'>;
let other: DataContext<'webhooks'>;
let meter: QueryMeter;
const closers: (() => Promise<unknown>)[] = [];
const clock = createManualClock();
const ids = createUuidV7Ids();
const never = new AbortController().signal;
const retention = { payloadDays: 30, attemptDays: 90 };

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query('SET search_path TO webhooks');
  const open = () => {
    const opened = createDatabase({
      url: database.urlFor('webhooks'),
      schema: 'webhooks',
      applicationName: 'housekeeping-test',
      ...PATIENT_DATABASE,
      log: silentLog,
    });
    closers.push(() => opened.close());
    return createDataContext({ database: opened, source: 'webhook-dispatcher', clock, ids, log: silentLog });
  };
  [ctx, other] = [open(), open()];
  meter = openQueryMeter({ connectionString: database.ownerUrl, options: '-c search_path=webhooks' });
});
afterAll(async () => {
  for (const close of closers) await close();
  await meter.close();
  await owner.end();
  await database.drop();
});
afterEach(() => owner.query('TRUNCATE webhook_messages, webhook_replays, webhook_endpoints CASCADE'));

const daysAgo = (days: number) => new Date(clock.now().getTime() - days * 86_400_000);
const fill = (filling: Filling) => fillDeliveries(queryOf(owner), filling);
const makeEndpoint = async () => {
  const id = ids.next();
  await owner.query(
    `INSERT INTO webhook_endpoints (id, owner, environment, url, event_types, created_at, updated_at)
     VALUES ($1, 'account:a', 'sandbox', 'http://127.0.0.1:1999/', '{*}', $2, $2)`,
    [id, clock.now()],
  );
  return id;
};
const addAttempts = (at: Date) =>
  owner.query(
    `INSERT INTO webhook_attempts (delivery_id, attempt_number, outcome, error, attempted_at)
     SELECT id, 1, 'failed', 'x', $1 FROM webhook_deliveries ON CONFLICT DO NOTHING`,
    [at],
  );
const count = async (what: string) =>
  Number((await owner.query<{ count: string }>(`SELECT count(*) FROM ${what}`)).rows[0]?.count);

test('payloads leave after 30 days, attempts and all else after 90, what is still to be sent stays', async () => {
  await fill({ count: 3, status: 'succeeded', from: clock.now() });
  await addAttempts(clock.now());
  await fill({ count: 1, status: 'pending', from: clock.now() });
  await owner.query(
    `INSERT INTO webhook_replays (id, kind, filter, rate_per_second, total, next_at, created_at, status, finished_at)
     SELECT gen_random_uuid(), 'replay', '{}', 1, 1, $1, $1, status, CASE status WHEN 'running' THEN NULL ELSE $1::timestamptz END
     FROM unnest('{running,completed,cancelled}'::text[]) AS status`,
    [clock.now()],
  );
  const nothing = { bodies: 0, attempts: 0, deliveries: 0, replays: 0 };
  clock.advance(29 * 86_400);
  expect(await keepHouse(ctx, retention, never)).toEqual(nothing);
  clock.advance(2 * 86_400);
  expect(await keepHouse(ctx, retention, never)).toEqual({ ...nothing, bodies: 3 });
  expect(await count('webhook_messages WHERE body IS NOT NULL')).toBe(1);
  expect(await count('webhook_attempts')).toBe(3);
  clock.advance(60 * 86_400);
  expect(await keepHouse(ctx, retention, never)).toEqual({
    bodies: 0,
    attempts: 3,
    deliveries: 3,
    replays: 2,
  });
  expect(await count('webhook_messages')).toBe(1);
  expect(await count(`webhook_deliveries WHERE status = 'pending'`)).toBe(1);
  expect(await count(`webhook_replays WHERE status = 'running'`)).toBe(1);
});

test('what was held until its body went is exhausted with it: nobody is promised what nobody can send', async () => {
  const endpointId = await makeEndpoint();
  await fill({ count: 2, status: 'held', from: daysAgo(31), endpointId });
  await fill({ count: 1, status: 'held', from: daysAgo(29), endpointId, sequence: 3 });
  expect(await keepHouse(ctx, retention, never)).toMatchObject({ bodies: 2 });
  expect(await count(`webhook_deliveries WHERE status = 'exhausted' AND finished_at IS NOT NULL`)).toBe(2);
  expect(await count(`webhook_deliveries WHERE status = 'held'`)).toBe(1);
});

test('a delivery that is old and was sent again lately stays as long as its attempts; its message goes with the last of it', async () => {
  const [first, second] = [await makeEndpoint(), await makeEndpoint()];
  await fill({ count: 1, status: 'succeeded', from: daysAgo(100), endpointId: first });
  await owner.query(
    `INSERT INTO webhook_deliveries (id, message_id, event_type, owner, environment, lane, profile, endpoint_id,
       sequence, status, attempt_count, created_at, finished_at)
     SELECT gen_random_uuid(), message_id, event_type, owner, environment, $1::text, profile, $1::uuid, 1, 'exhausted', 9,
       created_at, $2 FROM webhook_deliveries`,
    [second, daysAgo(60)],
  );
  expect(await keepHouse(ctx, retention, never)).toMatchObject({ deliveries: 1 });
  expect([await count('webhook_messages'), await count('webhook_deliveries')]).toEqual([1, 1]);
  clock.advance(31 * 86_400);
  expect(await keepHouse(ctx, retention, never)).toMatchObject({ deliveries: 1 });
  expect([await count('webhook_messages'), await count('webhook_deliveries')]).toEqual([0, 0]);
});

test('two dispatchers that keep house at once remove everything once, and leave no message without a delivery', async () => {
  await fill({ count: 1_200, status: 'succeeded', from: daysAgo(100) });
  const both = await Promise.all([keepHouse(ctx, retention, never), keepHouse(other, retention, never)]);
  expect(both.reduce((sum, each) => sum + each.deliveries, 0)).toBe(1_200);
  expect([await count('webhook_messages'), await count('webhook_deliveries')]).toEqual([0, 0]);
});

test('no batch looks at more than it takes, whatever there is and however much of it has to stay', async () => {
  const STAY = 2_000;
  await fill({ count: STAY, status: 'pending', from: daysAgo(200) });
  await fill({ count: STAY, status: 'succeeded', from: daysAgo(100) });
  await fill({ count: STAY, status: 'succeeded', from: daysAgo(1) });
  await addAttempts(daysAgo(100));
  await owner.query('VACUUM ANALYZE');
  const db = new Kysely<Schemas['webhooks']>({
    dialect: new PostgresDialect(meter),
    log: (event) => meter.note(event),
  });
  const input = { before: daysAgo(90), passed: null, rowsMax: 20 };
  const behind = { ...input, passed: { createdAt: daysAgo(150), id: ids.next() } };
  for (const work of [
    // All that has to stay, then what may go. A batch is small beside the tables, as it is where it matters.
    () => emptyMessages(db, { ...input, now: clock.now() }),
    () => emptyMessages(db, { ...behind, now: clock.now() }),
    () => removeDeliveries(db, input),
    () => removeDeliveries(db, behind),
    () => removeAttempts(db, input),
    () => removeReplays(db, input),
  ]) {
    const cost = await meter.costOf(work);
    expect(cost.wholeTables.filter((table) => table !== 'webhook_replays')).toEqual([]);
    // Of each row: itself, its message or delivery, and the marks of the batch.
    expect(cost.rowsTouched).toBeLessThan(20 * 8);
  }
  // The walk comes past those that stay, and takes all others.
  const left = await count(`webhook_deliveries WHERE created_at < '${daysAgo(90).toISOString()}'`);
  expect((await keepHouse(ctx, retention, never)).deliveries).toBe(left - STAY);
  expect(await count(`webhook_deliveries WHERE status = 'pending'`)).toBe(STAY);
});
