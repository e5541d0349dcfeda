import { silentLog } from '@switchboard/bus';
import { type CallStatus, type CallType, callTypes, systemClock } from '@switchboard/contracts';
import { createDatabase, type Database, type Schemas } from '@switchboard/db';
import {
  createTestDatabase,
  openQueryMeter,
  PATIENT_DATABASE,
  type QueryMeter,
  type TestDatabase,
} from '@switchboard/stack/testing';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executor } from '../src/domain/database.ts';
import { listLogs } from '../src/domain/logs/list-logs.ts';
import { readStats } from '../src/domain/logs/read-stats.ts';

/** `SWITCHBOARD_CALL_LOG_ROWS=1000000` makes a million; what a query reads is the same. */
const CALLS = Number(process.env.SWITCHBOARD_CALL_LOG_ROWS ?? '120000');
const BUSY = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const SMALL = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const NEWEST = Date.parse('2026-03-01T00:00:00Z');
/** Of the busy account; of the other one, days. */
const STEP_SECONDS = 30;

let database: TestDatabase;
let owner: pg.Client;
let meter: QueryMeter;
let db: Executor;
let oneSession: Executor;
let service: Database<'calls'>;

/** Everybody is a Customer; the oldest thirtieth came from an earlier system, and one of them has a name of its own. */
const insertCalls = `
  INSERT INTO calls.calls (id, account_id, name, phone, call_type, status, reason, started_at, ended_at, duration_seconds,
    source)
  SELECT gen_random_uuid(), $1,
    CASE WHEN i = $2::int - 5 THEN 'Zebedee Quux'
      WHEN i > $2::int * 29 / 30 THEN 'Legacy Customer ' || md5(i::text)
      ELSE 'Customer abc bcd cde ' || md5(i::text) END,
    '+1' || (2000000000 + CASE WHEN i % 2 = 0 THEN 0 ELSE i END),
    CASE WHEN i % 3 = 0 THEN 'outbound' ELSE 'inbound' END,
    CASE WHEN i % 9 = 0 THEN 'failed' ELSE 'ended' END, 'hangup',
    at, at + interval '20 s', 20, 'api'
  FROM generate_series(1, $2::int) AS i
  CROSS JOIN LATERAL (SELECT $3::timestamptz - make_interval(secs => i * $4::int) AS at) AS made`;

/** What begins and ends a transaction cannot be explained. */
const noteQuery = (event: {
  readonly query: { readonly sql: string; readonly parameters: readonly unknown[] };
}) => {
  if (/^\s*select/i.test(event.query.sql)) meter.note(event);
};

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const newest = new Date(NEWEST);
  // As a dump is restored: sorted into the index at once.
  const index = await owner.query(`SELECT indexdef FROM pg_indexes WHERE indexname = 'calls_search'`);
  await owner.query('DROP INDEX calls.calls_search');
  await owner.query(insertCalls, [BUSY, CALLS, newest, STEP_SECONDS]);
  await owner.query(insertCalls, [SMALL, 10, newest, 86_400]);
  await owner.query(index.rows[0].indexdef);
  await owner.query(`
    INSERT INTO calls.call_hours
    SELECT account_id, date_trunc('hour', started_at, 'UTC'), call_type, status, count(*), sum(duration_seconds)
    FROM calls.calls GROUP BY 1, 2, 3, 4`);
  await owner.query(`
    INSERT INTO calls.call_spans SELECT account_id, calls.hour_of(started_at) / 64, count(*) FROM calls.calls GROUP BY 1, 2`);
  await owner.query(
    'INSERT INTO calls.call_spans SELECT gen_random_uuid(), i, 1 FROM generate_series(1, 20000) AS i',
  );
  // Of others, so that no table is small enough to be read whole.
  await owner.query(
    `
    INSERT INTO calls.call_hours
    SELECT gen_random_uuid(), timestamptz '2026-02-01 00:00:00+00' + make_interval(hours => i % 500), 'audio', 'ended', 1, 1
    FROM generate_series(1, 30000 + $1::int / 10) AS i`,
    [CALLS],
  );
  await owner.query(
    `
    INSERT INTO calls.call_frames
    SELECT id, 1, 'call.initialized', '{}', started_at FROM calls.calls WHERE started_at > $1`,
    [new Date(NEWEST - 30_000 * STEP_SECONDS * 1000)],
  );
  await owner.query('VACUUM ANALYZE');
  meter = openQueryMeter({ connectionString: database.ownerUrl, max: 4, options: '-c search_path=calls' });
  db = new Kysely<Schemas['calls']>({ dialect: new PostgresDialect(meter), log: noteQuery });
  service = createDatabase({
    url: database.ownerUrl,
    schema: 'calls',
    applicationName: 'one-session',
    ...PATIENT_DATABASE,
    log: silentLog,
    poolMax: 1,
  });
  oneSession = service.db;
}, 900_000);
afterAll(async () => {
  await meter?.close();
  await service?.close();
  await owner?.end();
  await database?.drop();
});

interface Asked {
  readonly customerName?: string;
  readonly ani?: string;
  readonly status?: CallStatus;
  readonly callType?: CallType;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly limit?: number;
  readonly offset?: number;
  readonly cursor?: string | undefined;
}
const ask = (query: Asked, account = BUSY, executor = db) =>
  listLogs({ db: executor }, account, { limit: 100, offset: 0, cursor: undefined, ...query });

const costOf = async (query: Asked, account = BUSY) => {
  const cost = await meter.costOf(() => ask(query, account));
  expect(cost.wholeTables).toEqual([]);
  return cost.rowsTouched;
};

const middle = new Date(NEWEST - (CALLS / 2) * STEP_SECONDS * 1000).toISOString();
const old = new Date(NEWEST - CALLS * 0.9 * STEP_SECONDS * 1000).toISOString();

/** What a search really fetched of the table, and of the index in blocks: what ends it is counted while it runs. Before
 * others: sessions say what they fetched some time later. */
const readCounters = async () => {
  await owner.query('SELECT pg_stat_force_next_flush()');
  const found = await owner.query(`
    SELECT pg_stat_get_tuples_fetched('calls.calls'::regclass)::int AS rows,
      pg_stat_get_blocks_fetched('calls.calls_search'::regclass)::int AS blocks`);
  return found.rows[0] as { readonly rows: number; readonly blocks: number };
};
const flush = () => sql`SELECT pg_stat_force_next_flush()`.execute(oneSession);
const fetchedBy = async (query: Asked) => {
  await flush();
  const before = await readCounters();
  const page = await ask(query, BUSY, oneSession);
  await flush();
  const after = await readCounters();
  return { page, rows: after.rows - before.rows, blocks: after.blocks - before.blocks };
};

/** What a search by the index may fetch, and what the slice in which it ends has. */
const SEARCH_ROWS = 32_000;

describe('a search by name', () => {
  it.each<[string, Asked, number, number]>([
    ['that everybody has', { customerName: 'CUSTOMER' }, 100, 300],
    ['that nobody has', { customerName: 'nobody' }, 0, 1_100],
    ['that one old call has', { customerName: 'zebedee' }, 1, 1_100],
    ['that one old call has, with its number', { customerName: 'quux', ani: '12000000000' }, 0, 10_100],
    ['that only the oldest calls have', { customerName: 'legacy' }, 100, 12_000],
    ['of two characters that nobody has', { customerName: 'zq' }, 0, 10_100],
    ['of one character that everybody has', { customerName: 'c' }, 100, 300],
    ['of wildcards alone', { customerName: '%%%' }, 0, 10_100],
    ['whose parts everybody has, and that nobody has', { customerName: 'bcd abc' }, 0, SEARCH_ROWS],
    ['as long as it may be', { customerName: 'abc bcd cde '.repeat(16) }, 0, SEARCH_ROWS],
    [
      'of nobody, of a status and type',
      { customerName: 'nobody', status: 'failed', callType: 'video' },
      0,
      1_100,
    ],
    [
      'of everybody, of a type that never occurs',
      { customerName: 'customer', callType: 'video' },
      0,
      SEARCH_ROWS,
    ],
  ])('%s', async (_what, query, found, most) => {
    const { page, rows, blocks } = await fetchedBy(query);
    expect(page.calls).toHaveLength(found);
    expect(rows).toBeLessThan(most);
    expect(blocks).toBeLessThan(8_000);
  });

  it('passes over thousands without reading what is in them', async () => {
    let read = 0;
    const counting = oneSession.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        read += result.rows.filter((row) => 'metadata' in row).length;
        return result;
      },
    });
    const page = await ask({ customerName: 'customer', offset: 5_000 }, BUSY, counting);
    expect(page.calls).toHaveLength(100);
    expect(read).toBe(101);
  });

  it('of a number with a status that it never has ends somewhere, and says where it goes on', async () => {
    const { page, rows } = await fetchedBy({ ani: '12000000000', status: 'failed', callType: 'video' });
    expect(page.nextCursor).not.toBeNull();
    expect(rows).toBeLessThan(10_100);
  });
});

/** The page, its end, the count up to a thousand, and each of those branches that has to be looked into. */
const PAGE_ROWS = 3_000;

describe('what an index knows is read a page at a time', () => {
  it.each<[string, Asked]>([
    ['everything', {}],
    ['everything before a time', { endDate: middle }],
    ['everything of a day', { startDate: middle.slice(0, 10), endDate: middle.slice(0, 10) }],
    ['a number that half of the calls have', { ani: '12000000000' }],
    ['a number that nobody has', { ani: '49' }],
    ['a status', { status: 'failed' }],
    ['a status that is never over', { status: 'ringing' }],
    ['a type', { callType: 'outbound' }],
    ['a type that never occurs', { callType: 'video' }],
    [
      'a status and a type that never occur together',
      { status: 'failed', callType: 'inbound', endDate: old },
    ],
    ['a status and a type that do not occur', { status: 'failed', callType: 'video' }],
  ])('%s', async (_what, query) => {
    expect(await costOf(query)).toBeLessThan(PAGE_ROWS);
  });

  it('the furthest offset reads no more than what it passes over', async () => {
    expect(await costOf({ offset: 10_000, callType: 'inbound' })).toBeLessThan(4 * 10_200);
  });
});

it('a search looks into indexes alone', async () => {
  await costOf({ customerName: 'zebedee' });
});

it('an account with ten calls costs ten, whatever is beside it', async () => {
  for (const query of [
    {},
    { customerName: 'customer' },
    { customerName: 'zebedee' },
    { ani: '12000000000' },
  ]) {
    expect(await costOf(query, SMALL)).toBeLessThan(60);
  }
  expect((await ask({ customerName: 'customer' }, SMALL)).calls).toHaveLength(9);
});

const pagesOf = async (query: Asked, pagesMax = 200): Promise<string[]> => {
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const found = await ask({ ...query, cursor }, BUSY, oneSession);
    seen.push(...found.calls.map(({ callId }) => callId));
    if (found.nextCursor === null) return seen;
    cursor = found.nextCursor;
  }
  throw new Error('the pages have no end');
};

it.each<[string, string, Asked]>([
  ['a name of old calls', `name ILIKE '%legacy customer a%'`, { customerName: 'Legacy customer A' }],
  ['parts that everybody has', `name ILIKE '%cde ab%'`, { customerName: 'cde ab' }],
  ['two characters', `name ILIKE '%ux%'`, { customerName: 'ux' }],
  [
    'a name within some days',
    `name ILIKE '%cde ab%' AND started_at >= '2026-02-10' AND started_at < '2026-02-21'`,
    { customerName: 'cde ab', startDate: '2026-02-10', endDate: '2026-02-20' },
  ],
])('pages of %s leave out nothing, repeat nothing, and are in order', async (_what, where, query) => {
  const expected = await owner.query(
    `SELECT id FROM calls.calls WHERE account_id = $1 AND ${where} ORDER BY started_at DESC, id DESC`,
    [BUSY],
  );
  expect(expected.rows.length).toBeGreaterThan(0);
  expect(await pagesOf(query)).toEqual(expected.rows.map(({ id }) => id));
});

it('an offset into a search passes over as many, also where looking ends before', async () => {
  const all = await pagesOf({ customerName: 'cde ab' });
  const found = await pagesOf({ customerName: 'cde ab', offset: 150, limit: 100 });
  expect(found).toEqual(all.slice(150));
});

it('figures read the hours that are asked for, and of the calls only those that are not over', async () => {
  const data = { db, clock: systemClock };
  const cost = await meter.costOf(() =>
    readStats(data, BUSY, { startDate: '2026-02-01', endDate: '2026-02-28' }),
  );
  expect(cost.wholeTables).toEqual([]);
  expect(cost.rowsTouched).toBeLessThanOrEqual(28 * 24 * 8);
  const counted = await owner.query(
    `SELECT count(*)::int AS calls FROM calls.calls WHERE account_id = $1 AND started_at >= '2026-02-01'`,
    [BUSY],
  );
  const figures = await readStats({ ...data, db: oneSession }, BUSY, {
    startDate: '2026-02-01',
    endDate: '2026-02-28',
  });
  expect(figures.total).toBe(counted.rows[0].calls);
  expect(Object.keys(figures.byType).sort()).toEqual([...callTypes].sort());
});

it('a call that rings, is answered or is leased anew writes its row and no index', async () => {
  const made = await owner.query(
    `INSERT INTO calls.calls (id, account_id, name, phone, call_type, status, started_at, lease_owner, lease_until)
     SELECT gen_random_uuid(), $1, 'Active', '+1', 'audio', 'initializing', now(), $1, now() FROM generate_series(1, 20)
     RETURNING id`,
    [SMALL],
  );
  const read = async () => {
    await owner.query('SELECT pg_stat_force_next_flush()');
    const found = await owner.query(
      `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relid = 'calls.calls'::regclass`,
    );
    return found.rows[0];
  };
  const before = await read();
  for (const { id } of made.rows) {
    for (const change of [
      `status = 'ringing', ringing_at = now()`,
      `status = 'connected', connected_at = now()`,
      `lease_until = now() + interval '10 s'`,
    ]) {
      await owner.query(`UPDATE calls.calls SET ${change} WHERE id = $1`, [id]);
    }
  }
  const after = await read();
  expect(after.all - before.all).toBe(60);
  // A page that is full now and then is no fault.
  expect(after.hot - before.hot).toBeGreaterThan(50);
});
