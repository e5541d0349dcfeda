import { randomUUID } from 'node:crypto';
import type { Schemas } from '@switchboard/db';
import {
  createTestDatabase,
  openQueryMeter,
  type QueryMeter,
  type TestDatabase,
} from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executor } from '../src/domain/database.ts';
import { EXAMINED_TICKETS_MAX, type ListRequest, listTickets } from '../src/domain/search/list-tickets.ts';
import { createSearchCursors } from '../src/domain/search/search-cursor.ts';
import { SEARCH_SIZES } from '../src/domain/search/search-tickets.ts';

const cursors = createSearchCursors(['a-secret-of-enough-length-for-tests-of-searches']);
const TICKETS = 30_000;
const MANY = randomUUID();
const FEW = randomUUID();
const FEW_TICKETS = 5;

let database: TestDatabase;
let meter: QueryMeter;
let db: Executor;
/** When the fourth oldest ticket was opened: only three are older. */
let fourthAt: Date;

beforeAll(async () => {
  database = await createTestDatabase();
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    await owner.query(
      `INSERT INTO tickets.integration_tokens (id, name, token_hash, token_prefix, status, created_at, updated_at)
       SELECT id, 'Helpdesk', encode(sha256(id::text::bytea), 'hex'), 'stk_12345678', 'active', now(), now()
       FROM unnest($1::uuid[]) AS id`,
      [[MANY, FEW]],
    );
    // As a service that is years old has them: the first number is the oldest. One has a rare word, and it is among the oldest.
    await owner.query(
      `INSERT INTO tickets.tickets (id, token_id, integration_source, title, description, category, status, priority,
         created_at, updated_at, closed_at, resolved_at)
       SELECT gen_random_uuid(), CASE WHEN i % ($1::int / ${FEW_TICKETS}) = 7 THEN $3::uuid ELSE $2::uuid END, 'Helpdesk',
         'Ticket ' || i, CASE WHEN i = 50 THEN 'zebulon' ELSE 'of everyday' END, 'kind ' || i % 3,
         CASE WHEN i % 2 = 0 THEN 'open' ELSE 'closed' END, 'low', at, at,
         CASE WHEN i % 2 = 1 THEN at END, NULL
       FROM generate_series(1, $1::int) AS i
       CROSS JOIN LATERAL (SELECT now() - interval '1 minute' * ($1::int - i) AS at) AS made`,
      [TICKETS, MANY, FEW],
    );
    await owner.query('VACUUM ANALYZE tickets.tickets, tickets.ticket_search');
    const fourth = await owner.query("SELECT created_at FROM tickets.tickets WHERE title = 'Ticket 4'");
    fourthAt = fourth.rows[0].created_at;
  } finally {
    await owner.end();
  }
  meter = openQueryMeter({
    connectionString: database.ownerUrl,
    max: 2,
    options: '-c search_path=tickets',
  });
  db = new Kysely<Schemas['tickets']>({
    dialect: new PostgresDialect(meter),
    log: (event) => meter.note(event),
  });
});
afterAll(async () => {
  await meter.close();
  await database.drop();
});

const LIMIT = 20;
const costOf = (request: Partial<ListRequest>) =>
  meter.costOf(() => listTickets(db, cursors, { filter: {}, limit: LIMIT, ...request }));

describe.each([
  ['staff', undefined],
  ['a token with nearly all', MANY],
  ['a token with few', FEW],
])('of %s', (_who, tokenId) => {
  it.each([
    ['the newest', {}],
    ['those of a status', { status: 'open' as const }],
    ['those of a status that none has', { status: 'waiting' as const }],
    ['those of a call that has none', { callId: randomUUID() }],
    ['those that somebody has who has none', { assigneeId: randomUUID() }],
    ['those that are breached, which none is', { slaBreached: true }],
    ['those before a day', { createdBefore: new Date(Date.now() - 10 * 86_400_000) }],
  ])('%s are read from one stretch of an index', async (_what, filter) => {
    const cost = await costOf({ tokenId, filter });
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThanOrEqual(LIMIT + 1);
  });

  it.each([
    ['a priority that none has', { priority: 'urgent' as const }],
    ['a category that none has', { category: 'nothing' }],
    ['a status and a priority that none has', { status: 'open' as const, priority: 'urgent' as const }],
  ])('%s is looked for in so many tickets and no more', async (_what, filter) => {
    const cost = await costOf({ tokenId, filter });
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThanOrEqual(EXAMINED_TICKETS_MAX + 1);
  });

  it('a filter that every third passes is looked for until the page is full', async () => {
    const cost = await costOf({ tokenId, filter: { category: 'kind 1' } });
    expect(cost.wholeTables).toEqual([]);
    expect(cost.rowsTouched).toBeLessThanOrEqual(4 * (LIMIT + 1));
  });

  it.each([
    ['a word that all have', 'ticket'],
    ['a rare one', 'zebulon'],
    ['one that none has', 'absent'],
    ['a misspelt one', 'tikcet'],
    ['ten', 'ticket of everyday kind a b c d e f'],
  ])('%s: a search looks at the newest, and at a bounded number of others', async (_what, q) => {
    const cost = await costOf({ tokenId, q });
    expect(cost.wholeTables).toEqual([]);
    // Of each of the newest the ticket and its words; of a deeper span the bitmap, the words and the ticket.
    expect(cost.rowsTouched).toBeLessThanOrEqual(2 * SEARCH_SIZES.newest + 4 * SEARCH_SIZES.examined);
  });

  it('words with a filter that nothing passes look at a bounded number too', async () => {
    const cost = await costOf({ tokenId, q: 'ticket', filter: { priority: 'urgent' } });
    expect(cost.wholeTables).toEqual([]);
    const span = 4 * (SEARCH_SIZES.examined + 2 ** 11);
    expect(cost.rowsTouched).toBeLessThanOrEqual(2 * SEARCH_SIZES.newest + SEARCH_SIZES.statements * span);
  });
});

it('a rare word is found at the other end of the table', async () => {
  const titles: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 20; pages += 1) {
    const page = await listTickets(db, cursors, { filter: {}, q: 'zebulon', limit: LIMIT, cursor });
    titles.push(...page.tickets.map(({ title }) => title));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(titles).toEqual(['Ticket 50']);
});

it('a filter that only the oldest pass finds them at the end of the pages', async () => {
  let cursor: string | undefined;
  let pages = 0;
  const titles: string[] = [];
  for (; pages < 20; pages += 1) {
    const filter = { category: 'kind 1', createdBefore: fourthAt };
    const page = await listTickets(db, cursors, { tokenId: MANY, filter, limit: LIMIT, cursor });
    titles.push(...page.tickets.map(({ title }) => title));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  expect(titles).toEqual(['Ticket 1']);
});
