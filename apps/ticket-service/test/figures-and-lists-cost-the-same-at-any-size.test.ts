import { createUuidV7Ids, hashKey, systemClock } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executor } from '../src/domain/database.ts';
import { findToken, listTokens } from '../src/domain/tokens/token-repository.ts';
import { verifyToken } from '../src/domain/tokens/verify-token.ts';
import { recordUsage } from '../src/domain/usage/record-usage.ts';
import { readStats } from '../src/domain/usage/stats.ts';
import {
  countHour,
  EXAMINED_ROWS_MAX,
  findEndOfExamined,
  listUsage,
  type UsageFilter,
} from '../src/domain/usage/usage-repository.ts';
import { SURFACE, startTestTickets, type TestTickets } from './support/tickets.ts';

const TOKENS_COUNT = 12_000;
const REQUESTS = 30_000;

let tickets: TestTickets;
let meter: QueryMeter;
let statements = 0;
let db: Executor;
let busy: { readonly id: string; readonly token: string };

beforeAll(async () => {
  tickets = await startTestTickets();
  busy = await tickets.makeToken({ name: 'Busy' });
  await tickets.rows(
    `INSERT INTO tickets.integration_tokens (id, name, token_hash, token_prefix, status, created_at, updated_at)
     SELECT gen_random_uuid(), 'Token ' || md5(i::text), encode(sha256(i::text::bytea), 'hex'),
       'stk_' || left(md5(i::text), 8), CASE WHEN i % 1000 = 0 THEN 'disabled' ELSE 'active' END, at, at
     FROM generate_series(1, $1::int) AS i CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * i AS at) AS made`,
    [TOKENS_COUNT],
  );
  // Weeks of one token, and days of hours of it and of some others.
  await tickets.rows(
    `INSERT INTO tickets.integration_token_usage (id, token_id, request_id, endpoint, method, status_code,
       response_time_ms, counted, created_at)
     SELECT gen_random_uuid(), $2, 'r', '${SURFACE}', 'GET', CASE WHEN i = $1::int THEN 500 ELSE 200 END, 1, true,
       now() - interval '2 minutes' * i
     FROM generate_series(1, $1::int) AS i`,
    [REQUESTS, busy.id],
  );
  await tickets.rows(
    `INSERT INTO tickets.integration_token_hours
     SELECT t.id, date_trunc('hour', now(), 'UTC') - interval '1 hour' * h, 1, 1, 0, 1, array_fill(0::bigint, '{64}')
     FROM (SELECT id FROM tickets.integration_tokens ORDER BY created_at DESC LIMIT 60) AS t
     CROSS JOIN generate_series(0, 300) AS h`,
  );
  await tickets.rows(
    `INSERT INTO tickets.integration_token_totals
     SELECT id, 1, 1, 0, 1, array_fill(0::bigint, '{64}') FROM tickets.integration_tokens`,
  );
  await tickets.rows('INSERT INTO tickets.token_feeds SELECT id, 1, 1 FROM tickets.integration_tokens');
  await tickets.rows('VACUUM ANALYZE');
  meter = openQueryMeter({ connectionString: tickets.urls.owner, max: 4, options: '-c search_path=tickets' });
  db = new Kysely<Schemas['tickets']>({
    dialect: new PostgresDialect(meter),
    log(event) {
      statements += 1;
      meter.note(event);
    },
  });
});
afterAll(async () => {
  await meter.close();
  await tickets.close();
});

const middle = () => ({ createdAt: new Date(Date.now() - 30_000_000), id: busy.id });

describe.each([
  ['the first page', () => null],
  ['a page in the middle', middle],
])('%s of', (_name, after) => {
  it.each([
    ['tokens', { search: null, status: null }],
    ['tokens of a status', { search: null, status: 'disabled' as const }],
  ])('%s reads a page, not a table', async (_what, filter) => {
    const cost = await meter.costOf(() => listTokens(db, filter, { limit: 50, after: after() }));
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeGreaterThan(0);
    expect(cost.rowsTouched).toBeLessThan(150);
  });

  it('usage reads a page, not the log', async () => {
    const cost = await meter.costOf(() => listUsage(db, everything(), { limit: 50, after: after() }));
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThan(150);
  });
});

const everything = (): UsageFilter => ({
  tokenId: busy.id,
  status: null,
  method: null,
  endpoint: null,
  from: null,
  to: null,
});

it('figures of a page of tokens read their day, not their life, and never the log', async () => {
  const tokens = await listTokens(db, { search: null, status: null }, { limit: 50, after: null });
  const ids = tokens.map(({ id }) => id);
  const cost = await meter.costOf(() => readStats(db, ids, new Date()));
  expect(cost.wholeTables).toEqual([]);
  // Of each: its row, its totals, its bytes, and 24 hours in the last one of a day, each twice where the planner makes a bitmap first.
  expect(cost.rowsTouched).toBeLessThanOrEqual(51 * 2 * (3 + 24));
});

it('a filter that almost nothing passes looks at a bounded part of the log, and the next page goes on', async () => {
  const filter = { ...everything(), status: [500, 501] as const };
  const cost = await meter.costOf(async () => {
    await listUsage(db, filter, { limit: 50, after: null });
    await findEndOfExamined(db, filter, null);
  });
  expect(cost.rowsTouched).toBeLessThanOrEqual(2 * EXAMINED_ROWS_MAX + 2);
  // The one request that failed is the oldest of all: it is found at the end of the pages.
  let pages = 0;
  const found: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null; pages += 1) {
    const { body } = await tickets.ask('GET', `/${busy.id}/usage?status=5xx${cursor && `&cursor=${cursor}`}`);
    found.push(...body.requests);
    cursor = body.next_cursor;
  }
  expect(found).toHaveLength(1);
  expect(pages).toBe(REQUESTS / EXAMINED_ROWS_MAX + 1);
});

it('a search for something rare looks at what matches; one letter, at a bounded number', async () => {
  const search = (term: string) => listTokens(db, { search: term, status: null }, { limit: 50, after: null });
  const rare = await meter.costOf(async () => expect(await search('c4ca4238a0b9')).toHaveLength(1));
  expect(rare.wholeTables).toEqual([]);
  expect(rare.rowsTouched).toBeLessThan(300);
  const letter = await meter.costOf(() => search('%'));
  expect(letter.rowsTouched).toBeLessThan(50_000);
});

it('a token, and the count of its hour, are found by one index each', async () => {
  for (const work of [
    () => verifyToken(db, { token_hash: hashKey(busy.token) }, { clock: systemClock }),
    () => verifyToken(db, { token_hash: hashKey('x') }, { clock: systemClock }),
    () => countHour(db, busy.id, new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000)),
    () => findToken(db, busy.id),
  ]) {
    const cost = await meter.costOf(work);
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThan(5);
  }
});

it('a batch of twenty requests is taken in by five statements', async () => {
  const ids = createUuidV7Ids(systemClock);
  const batch = Array.from({ length: 20 }, (_, n) => ({
    request_id: `r${n}`,
    trace_id: '',
    method: 'GET',
    endpoint: SURFACE,
    status: 200,
    duration_ms: 1,
    error_code: null,
    credential_kind: 'integration_token' as const,
    credential_id: busy.id,
    ip: '203.0.113.7',
    user_agent: null,
    idempotency_key: null,
    counted: true,
    repeated: 0,
    completed_at: new Date().toISOString(),
  }));
  statements = 0;
  await recordUsage({ ids }, db, batch);
  expect(statements).toBe(5);
});
