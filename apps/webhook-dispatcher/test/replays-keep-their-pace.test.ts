import { silentLog } from '@switchboard/bus';
import { createManualClock, createUuidV7Ids } from '@switchboard/contracts';
import { createDatabase, createDataContext, type DataContext, type Schemas, transact } from '@switchboard/db';
import {
  createTestDatabase,
  openQueryMeter,
  PATIENT_DATABASE,
  type QueryMeter,
  type TestDatabase,
} from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createReplay } from '../src/domain/replays/create-replay.ts';
import { noteReplayOutcomes } from '../src/domain/replays/note-outcomes.ts';
import { paceReplay } from '../src/domain/replays/pace-replay.ts';
import { findReplay } from '../src/domain/replays/replay-repository.ts';
import type { ReplayFilter } from '../src/domain/replays/types.ts';
import { userOf } from './support/admin.ts';
import { type Filling, fillDeliveries, queryOf } from './support/rows.ts';

/** Steps of replays one by one, by a clock of the test's own, with nobody who sends: what waits goes on waiting. */
let database: TestDatabase;
let owner: pg.Client;
let meter: QueryMeter;
let ctx: DataContext<'webhooks'>;
const clock = createManualClock();
const ids = createUuidV7Ids();
const settings = { payloadDays: 30 };
const closers: (() => Promise<unknown>)[] = [];

const openContext = (): DataContext<'webhooks'> => {
  const opened = createDatabase({
    url: database.urlFor('webhooks'),
    schema: 'webhooks',
    applicationName: 'replays-test',
    ...PATIENT_DATABASE,
    log: silentLog,
  });
  closers.push(() => opened.close());
  return createDataContext({ database: opened, source: 'webhook-dispatcher', clock, ids, log: silentLog });
};

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query('SET search_path TO webhooks');
  meter = openQueryMeter({ connectionString: database.ownerUrl, options: '-c search_path=webhooks' });
  ctx = openContext();
});
afterAll(async () => {
  for (const close of closers) await close();
  await meter.close();
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  await owner.query('TRUNCATE webhook_messages, webhook_replays, webhook_endpoints CASCADE');
});

const fill = (filling: Partial<Filling> & { count: number }) =>
  fillDeliveries(queryOf(owner), {
    status: 'exhausted',
    from: new Date(clock.now().getTime() - 86_400_000),
    ...filling,
  });
const makeEndpoint = async (id = ids.next()) => {
  await owner.query(
    `INSERT INTO webhook_endpoints (id, owner, environment, url, event_types, created_at, updated_at)
     VALUES ($1, 'account:a', 'sandbox', 'http://127.0.0.1:1999/', '{*}', $2, $2)`,
    [id, clock.now()],
  );
  await owner.query('INSERT INTO webhook_endpoint_health (endpoint_id) VALUES ($1)', [id]);
  return id;
};
const admin = {
  principal: userOf('admin', ids.next()),
  caller: { ip: null, userAgent: null },
  requestId: 'r',
};
const make = async (ratePerSecond: number, filter: Partial<ReplayFilter> = {}) => {
  const request = {
    kind: 'replay' as const,
    filter: { statuses: ['exhausted' as const], ...filter },
    ratePerSecond,
  };
  const { id } = await transact(ctx, (tools) => createReplay(tools, ctx, admin, request, settings));
  return id;
};
const stateOf = async (id: string) => {
  const replay = await findReplay(ctx.db, id);
  if (!replay) throw new Error('no such replay');
  const { status, total, scheduled, successful, failed, skipped } = replay;
  return { status, total, scheduled, successful, failed, skipped };
};
/** Steps until none is due. */
const pace = async (its = ctx) => {
  while (await paceReplay(its, settings));
};
const inLine = async (id: string) =>
  (
    await owner.query<{ due_at: Date; schedule_step: number }>(
      `SELECT due_at, schedule_step FROM webhook_deliveries WHERE replay_id = $1 AND status = 'pending' ORDER BY due_at`,
      [id],
    )
  ).rows;
/** What an engine does: so many of those in line end. */
const succeed = async (id: string, count: number) => {
  const { rowCount } = await owner.query(
    `UPDATE webhook_deliveries SET status = 'succeeded', due_at = NULL, finished_at = $2, attempt_count = attempt_count + 1
     WHERE id IN (SELECT id FROM webhook_deliveries WHERE replay_id = $1 AND status = 'pending' LIMIT $3)`,
    [id, clock.now(), count],
  );
  await noteReplayOutcomes(ctx.db, [{ replayId: id, successful: rowCount ?? 0, failed: 0 }], clock.now());
};

test('each second as many are put in line as were asked for, spread over it, on a fresh schedule', async () => {
  await fill({ count: 45 });
  const id = await make(20);
  await pace();
  const startedMs = clock.now().getTime();
  const first = await inLine(id);
  expect(first.map((one) => one.due_at.getTime() - startedMs)).toEqual(
    Array.from({ length: 20 }, (_, index) => index * 50),
  );
  expect(new Set(first.map((one) => one.schedule_step))).toEqual(new Set([0]));
  clock.advance(0.99);
  await pace();
  expect((await stateOf(id)).scheduled).toBe(20);
  // Nor faster after a time in which nobody was there.
  clock.advance(0.01);
  await succeed(id, 20);
  clock.advance(60);
  await pace();
  expect((await stateOf(id)).scheduled).toBe(40);
  clock.advance(1);
  await pace();
  expect(await stateOf(id)).toMatchObject({ status: 'running', scheduled: 45, successful: 20 });
  await succeed(id, 25);
  expect(await stateOf(id)).toEqual({
    status: 'completed',
    total: 45,
    scheduled: 45,
    successful: 45,
    failed: 0,
    skipped: 0,
  });
});

test('it holds back while ten seconds of its own are due and wait, and goes on as they are taken', async () => {
  await fill({ count: 300 });
  const id = await make(10);
  for (let second = 0; second < 30; second += 1) {
    await pace();
    clock.advance(1);
  }
  expect((await stateOf(id)).scheduled).toBe(100);
  await succeed(id, 15);
  await pace();
  expect((await stateOf(id)).scheduled).toBe(110);
  // Those that failed and wait for a later step are in nobody's way.
  await owner.query(`UPDATE webhook_deliveries SET due_at = $2 WHERE replay_id = $1 AND status = 'pending'`, [
    id,
    new Date(clock.now().getTime() + 3_600_000),
  ]);
  clock.advance(1);
  await pace();
  expect((await stateOf(id)).scheduled).toBe(120);
});

test('an endpoint whose circuit is open holds up itself, and not the replay of all', async () => {
  const dead = await makeEndpoint();
  const well = await makeEndpoint();
  const from = new Date(clock.now().getTime() - 86_400_000);
  await fill({ count: 50, endpointId: dead, from });
  await fill({ count: 50, endpointId: well, from: new Date(from.getTime() + 3_600_000) });
  await owner.query(`UPDATE webhook_endpoint_health SET circuit_open_until = $2 WHERE endpoint_id = $1`, [
    dead,
    new Date(clock.now().getTime() + 3_600_000),
  ]);
  const [one, all] = [
    await make(2, { endpoint_id: dead, to: new Date(from.getTime() + 40_000).toISOString() }),
    await make(2),
  ];
  for (let second = 0; second < 30; second += 1) {
    await pace();
    clock.advance(1);
  }
  expect((await stateOf(one)).scheduled).toBe(20);
  // Beyond the dead one's, which the other replay has in part, it came to those of the other.
  expect((await stateOf(all)).scheduled).toBe(50);
});

test('a step that dies anywhere leaves nothing out and nothing twice; any number of dispatchers may make them', async () => {
  await fill({ count: 400 });
  const id = await make(50);
  const dying = openContext();
  // The last statement of a step is refused: what it put in line is undone with it.
  await owner.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'died'; END $$;
    CREATE TRIGGER dies BEFORE UPDATE ON webhook_replays FOR EACH ROW EXECUTE FUNCTION refuse()`);
  await expect(paceReplay(dying, settings)).rejects.toThrow(/died/);
  await owner.query('DROP TRIGGER dies ON webhook_replays; DROP FUNCTION refuse()');
  expect(await inLine(id)).toEqual([]);
  expect((await stateOf(id)).scheduled).toBe(0);
  const many = [ctx, dying, openContext(), openContext()];
  for (let second = 0; second < 8; second += 1) {
    await Promise.all(many.map((each) => pace(each)));
    expect(await inLine(id)).toHaveLength(50);
    await succeed(id, 50);
    clock.advance(1);
  }
  expect(await stateOf(id)).toMatchObject({
    status: 'completed',
    total: 400,
    scheduled: 400,
    successful: 400,
  });
});

test('what fails after it was made is none of it; what another sends meanwhile, or loses its body, is skipped', async () => {
  await fill({ count: 10, eventType: 'a.b' });
  const id = await make(2, { event_type: 'a.b' });
  clock.advance(1);
  // As old, but exhausted only now.
  await fill({ count: 3, eventType: 'a.b' });
  await owner.query(
    `WITH newest AS (SELECT d.id FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
                     ORDER BY d.ctid DESC LIMIT 3)
     UPDATE webhook_deliveries d SET finished_at = $1 FROM newest WHERE d.id = newest.id`,
    [clock.now()],
  );
  // Another replay takes four of the ten first.
  const list = await owner.query<{ at: Date }>(
    `SELECT DISTINCT created_at AS at FROM webhook_deliveries WHERE finished_at < $1 ORDER BY at`,
    [clock.now()],
  );
  const newer = await make(100, { from: list.rows[6]?.at.toISOString() });
  await owner.query(
    `UPDATE webhook_messages SET body = NULL WHERE id = (SELECT message_id FROM webhook_deliveries
     WHERE finished_at < $1 AND created_at = $2)`,
    [clock.now(), list.rows[3]?.at],
  );
  clock.advance(1);
  await owner.query(`UPDATE webhook_replays SET next_at = $2 WHERE id = $1`, [
    id,
    new Date(clock.now().getTime() + 60_000),
  ]);
  await pace();
  await succeed(newer, 10);
  clock.advance(61);
  for (let second = 0; second < 10; second += 1) {
    await pace();
    await succeed(id, 10);
    clock.advance(1);
  }
  expect(await stateOf(id)).toEqual({
    status: 'completed',
    total: 10,
    scheduled: 5,
    successful: 5,
    failed: 0,
    skipped: 5,
  });
});

test('a replay whose deliveries are held again, or cancelled, comes to an end without them', async () => {
  const endpoint = await makeEndpoint();
  await fill({ count: 4, endpointId: endpoint });
  await fill({ count: 2 });
  const id = await make(100);
  await pace();
  await owner.query(`UPDATE webhook_deliveries SET status = 'held', due_at = NULL WHERE endpoint_id = $1`, [
    endpoint,
  ]);
  await owner.query(
    `UPDATE webhook_deliveries SET status = 'cancelled', finished_at = $2
     WHERE id = (SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 LIMIT 1)`,
    [endpoint, clock.now()],
  );
  await noteReplayOutcomes(ctx.db, [{ replayId: id, successful: 1, failed: 1 }], clock.now());
  await owner.query(
    `UPDATE webhook_deliveries SET status = 'succeeded', due_at = NULL, finished_at = $1 WHERE status = 'pending'`,
    [clock.now()],
  );
  clock.advance(2);
  await pace();
  expect(await stateOf(id)).toMatchObject({ status: 'completed', successful: 1, failed: 1, skipped: 4 });
});

test('counts are exact when many attempts of many replays are recorded at once', async () => {
  await fill({ count: 100 });
  const replays = [await make(1), await make(1), await make(1)];
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      noteReplayOutcomes(
        ctx.db,
        replays
          .toSorted(() => (index % 2 ? 1 : -1))
          .map((replayId) => ({ replayId, successful: 2, failed: index % 2 })),
        clock.now(),
      ),
    ),
  );
  for (const id of replays) expect(await stateOf(id)).toMatchObject({ successful: 60, failed: 15 });
});

test('a step looks at what it sends, not at what there is', async () => {
  const busy = await makeEndpoint();
  const quiet = await makeEndpoint();
  const from = new Date(clock.now().getTime() - 20 * 86_400_000);
  await fill({ count: 8_000, status: 'succeeded', endpointId: busy, from });
  await fill({ count: 1_500, endpointId: busy, from, sequence: 50_000 });
  await fill({ count: 300, endpointId: quiet, from });
  await owner.query('VACUUM ANALYZE');
  const metered = openContext();
  Object.assign(metered, {
    db: new Kysely<Schemas['webhooks']>({
      dialect: new PostgresDialect(meter),
      // What a transaction is made of has no plan, and an insert cannot be made twice.
      log: (event) => void (/^\s*(begin|commit|insert)/i.test(event.query.sql) || meter.note(event)),
    }),
  });
  await make(50, { endpoint_id: busy });
  const counting = await meter.costOf(() =>
    transact(metered, (tools) =>
      createReplay(
        tools,
        metered,
        admin,
        { kind: 'replay', filter: { endpoint_id: quiet, statuses: ['exhausted'] }, ratePerSecond: 50 },
        settings,
      ),
    ),
  );
  expect(counting.wholeTables.filter((table) => table === 'webhook_deliveries')).toEqual([]);
  expect(counting.rowsTouched).toBeLessThan(1_000);
  const step = await meter.costOf(() => paceReplay(metered, settings));
  expect(step.wholeTables).not.toContain('webhook_deliveries');
  expect(step.wholeTables).not.toContain('webhook_messages');
  // Two hundred are looked at, with their messages and their endpoint, and fifty are written.
  expect(step.rowsTouched).toBeLessThan(1_500);
});
