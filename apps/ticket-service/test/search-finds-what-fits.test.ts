import { randomUUID } from 'node:crypto';
import type { Schemas } from '@switchboard/db';
import { createTestDatabase, type TestDatabase } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from '../src/domain/database.ts';
import { listTickets } from '../src/domain/search/list-tickets.ts';
import { createSearchCursors } from '../src/domain/search/search-cursor.ts';
import { SEARCH_SIZES, type SearchSizes, searchTickets } from '../src/domain/search/search-tickets.ts';
import type { TicketFilter } from '../src/domain/search/ticket-filter.ts';

let database: TestDatabase;
let owner: pg.Pool;
let db: Executor;
const cursors = createSearchCursors(['a-secret-of-enough-length-for-tests-of-searches']);
const OURS = randomUUID();
const THEIRS = randomUUID();

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 });
  const pool = new pg.Pool({
    connectionString: database.urlFor('tickets'),
    max: 2,
    options: '-c search_path=tickets',
  });
  db = new Kysely<Schemas['tickets']>({ dialect: new PostgresDialect({ pool }) });
  await owner.query(
    `INSERT INTO tickets.integration_tokens (id, name, token_hash, token_prefix, status, created_at, updated_at)
     SELECT id, 'Helpdesk', encode(sha256(id::text::bytea), 'hex'), 'stk_12345678', 'active', now(), now()
     FROM unnest($1::uuid[]) AS id`,
    [[OURS, THEIRS]],
  );
});
afterAll(async () => {
  await db.destroy();
  await owner.end();
  await database.drop();
});
beforeEach(() => owner.query('TRUNCATE tickets.tickets CASCADE'));

interface Sample {
  readonly title: string;
  readonly description?: string | undefined;
  readonly category?: string | undefined;
  readonly priority?: string | undefined;
  readonly tokenId?: string | undefined;
  readonly number?: number | undefined;
}

let numbers = 0;
/** Oldest first, a minute apart, unless numbers say otherwise. */
const open = async (...samples: readonly Sample[]): Promise<void> => {
  const rows = samples.map((sample, index) => ({
    number: numbers + index + 1,
    token_id: sample.tokenId ?? OURS,
    priority: 'medium',
    at: new Date(Date.UTC(2026, 0, 1) + index * 60_000),
    ...sample,
  }));
  numbers += rows.length;
  await owner.query(
    `INSERT INTO tickets.tickets (id, number, token_id, integration_source, title, description, category, priority, created_at, updated_at)
     OVERRIDING SYSTEM VALUE
     SELECT gen_random_uuid(), number, token_id, 'Helpdesk', title, description, category, priority, at, at
     FROM jsonb_to_recordset($1::jsonb)
       AS r (number bigint, token_id uuid, title text, description text, category text, priority text, at timestamptz)`,
    [JSON.stringify(rows)],
  );
};
const search = async (q: string, filter: TicketFilter = {}, tokenId: string | undefined = OURS) => {
  const { tickets } = await listTickets(db, cursors, { tokenId, filter, q, limit: 50 });
  return tickets.map(({ title }) => title);
};

/** Every span but the first holds a few tickets. */
const SMALL: SearchSizes = { newest: 3, examined: 4, blocks: 2, statements: 2, pageMs: 1_000 };
const allPages = async (
  request: { filter: TicketFilter; q: string; limit: number },
  sizes: SearchSizes,
): Promise<{ readonly titles: string[]; readonly pages: number }> => {
  const titles: string[] = [];
  let cursor: string | undefined;
  for (let pages = 1; pages < 500; pages += 1) {
    const page = await searchTickets(db, cursors, { ...request, cursor }, sizes);
    expect(page.tickets.length).toBeLessThanOrEqual(request.limit);
    titles.push(...page.tickets.map(({ title }) => title));
    if (page.nextCursor === null) return { titles, pages };
    expect(page.nextCursor).toMatch(/^[A-Za-z0-9_-]{1,500}$/);
    cursor = page.nextCursor;
  }
  throw new Error('pages never end');
};

describe('what is found', () => {
  it('has the words in its title first, then in its category, then in its description; of equals the newest first', async () => {
    await open(
      { title: 'Printer is on fire' },
      { title: 'Described', description: 'There is a printer somewhere' },
      { title: 'Of a category', category: 'printer' },
      { title: 'Nothing of the kind' },
      { title: 'Printer is on fire again' },
    );
    expect(await search('PRINTER')).toEqual([
      'Printer is on fire again',
      'Printer is on fire',
      'Of a category',
      'Described',
    ]);
  });

  it('has all the words, wherever each of them is', async () => {
    await open({ title: 'Printer', description: 'burns' }, { title: 'Printer' }, { title: 'It burns' });
    expect(await search('burns printer')).toEqual(['Printer']);
  });

  it('is found by words that are begun, and behind those by misspelt ones', async () => {
    await open({ title: 'Invoice is wrong' }, { title: 'Invoices' }, { title: 'Something else' });
    expect(await search('invoi')).toEqual(['Invoices', 'Invoice is wrong']);
    expect(await search('invocie')).toEqual(expect.arrayContaining(['Invoice is wrong']));
    expect(await search('invocie')).not.toContain('Something else');
    expect(await search('wrong invocie')).toEqual(['Invoice is wrong']);
  });

  it.each([
    ['pritner', 'printer'],
    ['pirnter', 'printer'],
    ['prnter', 'printer'],
    ['printter', 'printer'],
    ['prunter', 'printer'],
    ['lgoin', 'login'],
    ['loign', 'login'],
    ['lgin', 'login'],
    ['loggin', 'login'],
    ['lobin', 'login'],
    ['tikcet', 'ticket'],
    ['ticekt', 'ticket'],
    ['tiket', 'ticket'],
    ['tiicket', 'ticket'],
    ['tixket', 'ticket'],
    ['emial', 'email'],
    ['passowrd', 'password'],
    ['pasword', 'password'],
    ['passwird', 'password'],
    ['connectoin', 'connection'],
    ['configuratoin', 'configuration'],
    ['confguration', 'configuration'],
    ['drukcer', 'Drucker'],
    ['starße', 'Straße'],
    ['המדספת', 'המדפסת'],
  ])('%s is a slip of the pen for %s', async (slip, word) => {
    await open({ title: `The ${word} is on fire` }, { title: 'Something else', description: word });
    expect(await search(slip)).toEqual([`The ${word} is on fire`]);
    expect(await search(`fire ${slip}`)).toEqual([`The ${word} is on fire`]);
  });

  it.each([
    ['not', 'cannot login'],
    ['café', 'cannot login'],
    ['can', 'café'],
    ['log', 'blog'],
    ['art', 'cart'],
    ['fire', 'hire a wire'],
    ['form', 'platform'],
    ['port', 'important'],
    ['late', 'update'],
    ['cable', 'cancel'],
    ['after', 'water'],
    ['mouse', 'mobile'],
    ['router', 'water'],
    ['import', 'report'],
    ['export', 'import'],
    ['driver', 'delivery'],
    ['payment', 'attachment'],
    ['network', 'keyboard'],
    ['keyboard', 'dashboard'],
    ['customer', 'calendar'],
    ['shipping', 'printer'],
    ['connection', 'attachment'],
    ['subscription', 'transcript'],
    ['notification', 'connection'],
  ])('%s is another word than those of %j', async (word, title) => {
    await open({ title });
    expect(await search(word)).toEqual([]);
  });

  it('is found in other letters than ours', async () => {
    await open({ title: 'המדפסת בוערת' }, { title: 'Der Drucker brennt: Straße' });
    expect(await search('המדפסת')).toEqual(['המדפסת בוערת']);
    expect(await search('straße')).toEqual(['Der Drucker brennt: Straße']);
  });

  it('is what tickets say now, not what they said', async () => {
    await open({ title: 'Old words' });
    await owner.query(`UPDATE tickets.tickets SET title = 'New ones', description = 'Entirely'`);
    expect(await search('old')).toEqual([]);
    expect(await search('entirely')).toEqual(['New ones']);
  });

  it('is of the token that asks, never of another; staff finds all', async () => {
    await open({ title: 'Secret of theirs', tokenId: THEIRS }, { title: 'Secret of ours' });
    expect(await search('secret')).toEqual(['Secret of ours']);
    expect(await search('secret', { tokenId: THEIRS })).toEqual([]);
    const all = await listTickets(db, cursors, { filter: {}, q: 'secret', limit: 50 });
    expect(all.tickets).toHaveLength(2);
  });

  it('passes the filters too', async () => {
    await open(
      { title: 'Fire in May', category: 'May', priority: 'urgent' },
      { title: 'Fire in June', category: 'June', priority: 'urgent' },
      { title: 'Fire again', category: 'June', priority: 'low' },
    );
    expect(await search('fire', { category: 'June', priority: 'urgent' })).toEqual(['Fire in June']);
    expect(await search('fire', { status: 'closed' })).toEqual([]);
    expect(await search('fire', { createdAfter: new Date(Date.UTC(2026, 0, 1, 0, 1)) })).toEqual([
      'Fire again',
    ]);
  });
});

describe('what somebody types', () => {
  it.each(['%', '_', '!', '&|', ':*', "'", '"', '\\', '(((', '\u0001b0', '🙂', "' OR 1=1 --"])(
    '%j means nothing special',
    async (q) => {
      await open({ title: 'Printer' }, { title: 'Theirs', tokenId: THEIRS });
      expect(await search(q)).toEqual([]);
    },
  );

  it('is never an error, and finds nothing of another token', async () => {
    await open({ title: 'Printer & fire' }, { title: 'Theirs', tokenId: THEIRS });
    const piece = fc.oneof(
      fc.constantFrom(
        '!',
        '&',
        '|',
        ':*',
        "'",
        "''",
        '"',
        '\\',
        '(',
        ')',
        '<->',
        '%',
        '_',
        '\u0001s0',
        'fire',
        ' ',
        '-',
        '/a/b',
        'a.b@c.de',
      ),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        const q = pieces.join('').replaceAll('\0', '').toWellFormed().slice(0, 200).toWellFormed();
        for (const sizes of [SMALL, SEARCH_SIZES]) {
          const { tickets } = await searchTickets(
            db,
            cursors,
            { filter: { tokenId: OURS }, q, limit: 5 },
            sizes,
          );
          expect(tickets.every(({ token_id }) => token_id === OURS)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('as a cursor is refused, unless an answer had it', async () => {
    for (const cursor of ['AAAA', Buffer.from('o~1').toString('base64url')]) {
      await expect(
        listTickets(db, cursors, { filter: {}, q: 'fire', limit: 5, cursor }),
      ).rejects.toMatchObject({
        code: 'INVALID_PARAMETER',
      });
    }
  });
});

it('pages hold every ticket with the words once, however many there are and wherever they lie', async () => {
  const sample = fc.record({
    word: fc.constantFrom('fire', 'smoke', 'fire smoke'),
    gap: fc.constantFrom(1, 1, 700, 1_500, 70_000),
    isOurs: fc.boolean(),
    isLow: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(sample, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      async (samples, limit, filters) => {
        await owner.query('TRUNCATE tickets.tickets CASCADE');
        let number = 0;
        const titled = samples.map((each, index) => {
          number += each.gap;
          return { ...each, title: `n${index} ${each.word}`, number };
        });
        await open(
          ...titled.map(({ title, number: own, isOurs, isLow }) => ({
            title,
            number: own,
            tokenId: isOurs ? OURS : THEIRS,
            priority: isLow ? 'low' : 'high',
          })),
        );
        const filter: TicketFilter = filters ? { tokenId: OURS, priority: 'low' } : {};
        const expected = titled
          .filter((each) => each.word.includes('fire') && (!filters || (each.isOurs && each.isLow)))
          .map(({ title }) => title);
        const { titles } = await allPages({ filter, q: 'fire', limit }, { ...SMALL, examined: 30 });
        expect(titles.toSorted()).toEqual(expected.toSorted());
      },
    ),
    { numRuns: 40 },
  );
});

it('what is opened while somebody turns pages moves nothing of what is there', async () => {
  await open(...Array.from({ length: 20 }, (_, n) => ({ title: `fire ${n}`, number: 10_000 + n * 600 })));
  const titles: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 50; page += 1) {
    const found = await searchTickets(
      db,
      cursors,
      { filter: {}, q: 'fire', limit: 3, cursor },
      { ...SMALL, newest: 5, examined: 30 },
    );
    titles.push(...found.tickets.map(({ title }) => title));
    if (found.nextCursor === null) break;
    cursor = found.nextCursor;
    await owner.query(
      `INSERT INTO tickets.tickets (id, number, token_id, integration_source, title, priority, created_at, updated_at)
       OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), $1, $2, 'x', 'fire of later', 'low', now() + '1 year', now() + '1 year')`,
      [30_000 + page, OURS],
    );
  }
  expect(titles.toSorted()).toEqual(Array.from({ length: 20 }, (_, n) => `fire ${n}`).toSorted());
});
