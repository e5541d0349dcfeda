import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { INTERNAL_TOKEN_HEADER, type Principal, systemClock } from '@switchboard/contracts';
import { createInternalTokenMinter } from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSearchTurns } from '../src/domain/search/search-turns.ts';
import {
  SURFACE,
  startTestTickets,
  type TestTickets,
  TOKEN_SECRET,
  tokenPrincipal,
  userOf,
} from './support/tickets.ts';

const STAYS = new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to, and what of it was begun. */
const createWork = () => {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const workOf = (name: string) => () => {
    const end = Promise.withResolvers<string>();
    begun.push(name);
    ends.set(name, end);
    return end.promise;
  };
  const end = (name: string) => ends.get(name)?.resolve(name);
  const fail = (name: string) => ends.get(name)?.reject(new Error(name));
  return { begun, workOf, end, fail };
};

describe('turns', () => {
  it('are two at a time for one owner, in the order in which they came', async () => {
    const turns = createSearchTurns();
    const { begun, workOf, end } = createWork();
    const runs = ['a', 'b', 'c', 'd', 'e'].map((name) => turns.run('one', workOf(name), STAYS));
    await settled();
    expect(begun).toEqual(['a', 'b']);
    expect(turns.waiting).toBe(3);
    end('b');
    await settled();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c']) end(name);
    await settled();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    for (const name of ['d', 'e']) end(name);
    expect(await Promise.all(runs)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(turns.waiting).toBe(0);
  });

  it('of one owner are not waited for by another', async () => {
    const turns = createSearchTurns();
    const { begun, workOf, end } = createWork();
    const runs = ['a', 'b', 'c'].map((name) => turns.run('one', workOf(name), STAYS));
    const other = turns.run('other', workOf('theirs'), STAYS);
    await settled();
    expect(begun).toEqual(['a', 'b', 'theirs']);
    end('theirs');
    expect(await other).toBe('theirs');
    for (const name of ['a', 'b']) end(name);
    await settled();
    end('c');
    await Promise.all(runs);
  });

  it('go on when one fails, and the failure is its own', async () => {
    const turns = createSearchTurns();
    const { workOf, end, fail } = createWork();
    const failing = turns.run('one', workOf('a'), STAYS);
    const others = ['b', 'c'].map((name) => turns.run('one', workOf(name), STAYS));
    await settled();
    fail('a');
    await expect(failing).rejects.toThrow('a');
    await settled();
    for (const name of ['b', 'c']) end(name);
    expect(await Promise.all(others)).toEqual(['b', 'c']);
  });

  it('are waited for by twenty; one more is told to come again', async () => {
    const turns = createSearchTurns();
    const { begun, workOf, end } = createWork();
    const names = Array.from({ length: 22 }, (_, index) => String(index));
    const runs = names.map((name) => turns.run('one', workOf(name), STAYS));
    await expect(turns.run('one', workOf('late'), STAYS)).rejects.toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      headers: { 'retry-after': '1' },
    });
    for (const name of names) {
      end(name);
      await settled();
    }
    expect(await Promise.all(runs)).toEqual(names);
    expect(begun).toEqual(names);
  });

  it('are not taken by whoever is gone, before or while waiting', async () => {
    const turns = createSearchTurns();
    const { begun, workOf, end } = createWork();
    const runs = ['a', 'b'].map((name) => turns.run('one', workOf(name), STAYS));
    const gone = new AbortController();
    const left = turns.run('one', workOf('left'), gone.signal);
    const stays = turns.run('one', workOf('c'), STAYS);
    gone.abort();
    expect(await left).toBeNull();
    expect(await turns.run('one', workOf('never there'), gone.signal)).toBeNull();
    expect(turns.waiting).toBe(1);
    for (const name of ['a', 'b']) end(name);
    await settled();
    end('c');
    expect(await Promise.all([...runs, stays])).toEqual(['a', 'b', 'c']);
    expect(begun).toEqual(['a', 'b', 'c']);
  });
});

describe('searches', () => {
  let tickets: TestTickets;
  let lock: pg.Client;
  beforeAll(async () => {
    tickets = await startTestTickets();
    lock = new pg.Client({ connectionString: tickets.urls.owner });
    await lock.connect();
  });
  afterAll(async () => {
    await lock.end();
    await tickets.close();
  });
  // No search ends before the lock does.
  beforeEach(async () => {
    await lock.query('BEGIN');
    await lock.query('LOCK TABLE tickets.ticket_search IN ACCESS EXCLUSIVE MODE');
  });
  afterEach(() => lock.query('ROLLBACK'));

  const makePrincipal = async (): Promise<Principal> => tokenPrincipal((await tickets.makeToken()).id);
  const untilWaiting = (count: number) =>
    waitFor(() => tickets.deps.searchTurns.waiting === count, {
      what: `${count} searches that wait for their turn`,
    });
  /** Searches that have their turn are those that stand before the lock. */
  const untilTheirTurn = (count: number) =>
    waitFor(
      async () => {
        const [row] = await tickets.rows<{ count: number }>(
          `SELECT count(*)::int FROM pg_locks WHERE NOT granted AND relation = 'tickets.ticket_search'::regclass
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
        return row?.count === count;
      },
      { what: `${count} searches that have their turn` },
    );
  const open = (principal: Principal) =>
    tickets.call(principal, 'POST', `${SURFACE}/tickets`, { body: { title: 'Printer is on fire' } });

  it.each([
    ['a token', async () => ({ principal: await makePrincipal(), path: `${SURFACE}/tickets` })],
    ['a user', async () => ({ principal: userOf('agent', randomUUID()), path: '/api/admin/v1/tickets' })],
  ])('of %s wait for each other, and nobody for them', async (_who, make) => {
    const { principal, path } = await make();
    const search = () => tickets.call(principal, 'GET', `${path}?q=printer`);
    const searches = Array.from({ length: 22 }, search);
    await untilWaiting(20);
    const refused = await search();
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(JSON.stringify(refused.body)).toContain('20 more wait');
    for (const other of [await makePrincipal(), principal]) {
      const listPath = other === principal ? path : `${SURFACE}/tickets`;
      expect(await tickets.call(other, 'GET', `${listPath}?limit=1`)).toMatchObject({ status: 200 });
      expect(await tickets.call(other, 'GET', `${listPath}?q=`)).toMatchObject({ status: 200 });
    }
    await lock.query('COMMIT');
    const answers = await Promise.all(searches);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 22 }, () => 200));
    expect(tickets.deps.searchTurns.waiting).toBe(0);
  });

  it('of whoever hung up are not waited for', async () => {
    const principal = await makePrincipal();
    const running = Array.from({ length: 2 }, () =>
      tickets.call(principal, 'GET', `${SURFACE}/tickets?q=printer`),
    );
    await untilTheirTurn(2);
    const address = await tickets.app.listen({ port: 0, host: '127.0.0.1' });
    const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock: systemClock });
    const client = request(`${address}${SURFACE}/tickets?q=printer`, {
      headers: { [INTERNAL_TOKEN_HEADER]: mint(principal, 'ticket-service') },
    });
    client.on('error', () => {});
    client.end();
    await untilWaiting(1);
    client.destroy();
    await untilWaiting(0);
    await lock.query('COMMIT');
    for (const answer of await Promise.all(running)) expect(answer.status).toBe(200);
  });

  it('turn their pages by cursors that are good for their token alone', async () => {
    await lock.query('ROLLBACK');
    const [ours, theirs] = [await makePrincipal(), await makePrincipal()];
    for (const principal of [ours, ours, ours, theirs]) await open(principal);
    const first = await tickets.call(ours, 'GET', `${SURFACE}/tickets?q=printer&limit=2`);
    expect(first.body.tickets).toHaveLength(2);
    const next = `${SURFACE}/tickets?q=printer&limit=2&cursor=${first.body.next_cursor}`;
    const second = await tickets.call(ours, 'GET', next);
    expect(second.body).toMatchObject({ tickets: [{}], next_cursor: null });
    expect(await tickets.call(theirs, 'GET', next)).toMatchObject({ status: 400 });
  });
});
