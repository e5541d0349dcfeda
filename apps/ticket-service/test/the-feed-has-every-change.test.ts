import { readFile } from 'node:fs/promises';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFeeds } from '../src/domain/feed/feeds.ts';
import { type Outside, outside } from './support/surface.ts';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

/* Whoever follows the feed of a token misses nothing, waits for nothing in vain, and sees nothing that stays inside. */
let tickets: TestTickets;
let mine: Outside;
let other: Outside;
beforeAll(async () => {
  tickets = await startTestTickets();
  [mine, other] = [await outside(tickets), await outside(tickets, 'Another one')];
}, 60_000);
afterAll(() => tickets?.close());

const changes = async (who: Outside, query = '') => (await who.ask('GET', `/tickets/changes?${query}`)).body;
const lastOf = async (who: Outside): Promise<string> => (await changes(who, 'cursor=latest')).next_cursor;

describe('the feed', () => {
  test('says what happened, in order, with the ticket as it is since, and nothing of what stays inside', async () => {
    const from = await lastOf(mine);
    const id = await mine.open();
    await mine.ask('POST', `/tickets/${id}/comments`, { content: 'For all' });
    await mine.ask('POST', `/tickets/${id}/comments`, { content: 'SECRET', is_internal: true });
    await mine.ask('PATCH', `/tickets/${id}`, { title: 'Out', metadata: { a: 1 } });
    await mine.ask('PATCH', `/tickets/${id}/status`, { status: 'resolved' });
    const page = await changes(mine, `cursor=${from}`);
    const first = Number(from) + 1;
    expect(
      page.changes.map((each: { sequence: number; type: string }) => [each.sequence, each.type]),
    ).toEqual([
      [first, 'ticket.created'],
      [first + 1, 'ticket.commented'],
      [first + 2, 'ticket.updated'],
      [first + 3, 'ticket.status_changed'],
    ]);
    expect(page.next_cursor).toBe(String(first + 3));
    expect(page.changes[1].data.comment).toMatchObject({ content: 'For all', author: 'Helpdesk' });
    expect(page.changes[2].data).toMatchObject({ changed: ['title', 'metadata'], ticket: { title: 'Out' } });
    expect(page.changes[3].data).toMatchObject({ previous_status: 'open', ticket: { status: 'resolved' } });
    expect(JSON.stringify(page)).not.toContain('SECRET');
    expect((await mine.ask('GET', `/tickets/${id}`)).body.ticket).toEqual(page.changes[3].data.ticket);
  });

  test('has the ids of the webhooks and of the events, which say the same', async () => {
    const from = await lastOf(mine);
    await mine.open({ title: 'Told three times' });
    const { changes: told } = await changes(mine, `cursor=${from}`);
    const messages = await tickets.events<{ message_id: string; owner: string; body: string }>(
      'webhooks.message.published',
    );
    const message = messages.find(({ message_id }) => message_id === told[0].id);
    expect(message?.owner).toBe(`integration_token:${mine.principal.token_id}`);
    expect(JSON.parse(message?.body ?? '')).toEqual({
      type: 'ticket.created',
      timestamp: told[0].at,
      data: { sequence: told[0].sequence, ticket_id: told[0].ticket_id, ...told[0].data },
    });
    const events = await tickets.events<{ change_id: string }>('tickets.ticket.created');
    expect(events.some(({ change_id }) => change_id === told[0].id)).toBe(true);
  });

  test('has what happened while the token was not in force, and its webhooks go on behind that', async () => {
    const who = await outside(tickets, 'Away for a while');
    const { token_id } = who.principal;
    const id = await who.open();
    const resolved = (status: string) =>
      tickets.call(tickets.admin, 'PATCH', `/api/admin/v1/tickets/${id}/status`, { body: { status } });
    await tickets.ask('POST', `/${token_id}/disable`);
    expect((await resolved('in_progress')).status).toBe(200);
    await tickets.ask('POST', `/${token_id}/enable`);
    await resolved('waiting');
    await tickets.rows(
      "UPDATE tickets.integration_tokens SET expires_at = now() - interval '1 minute' WHERE id = $1",
      [token_id],
    );
    await resolved('resolved');
    await tickets.ask('PATCH', `/${token_id}`, { expires_at: null });
    await resolved('closed');

    const { changes: all } = await changes(who);
    expect(all.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1, 2, 3, 4, 5]);
    const messages = await tickets.events<{ owner: string; body: string }>('webhooks.message.published');
    const told = messages
      .filter(({ owner }) => owner === `integration_token:${token_id}`)
      .map(({ body }) => JSON.parse(body).data.sequence);
    expect(told).toEqual([1, 3, 5]);
    // The other services are told all the same.
    const events = await tickets.events<{ ticket_id: string; sequence: number }>(
      'tickets.ticket.status_changed',
    );
    expect(events.filter(({ ticket_id }) => ticket_id === id).map(({ sequence }) => sequence)).toEqual([
      2, 3, 4, 5,
    ]);
  });

  test('is without a gap however many change tickets at once, and by pages', async () => {
    const replica = await tickets.startReplica();
    const from = await lastOf(mine);
    const ids = await Promise.all(Array.from({ length: 5 }, () => mine.open()));
    await Promise.all(
      ids.flatMap((id, index) =>
        ['waiting', 'closed', 'open', 'resolved'].map((status) =>
          mine.ask('PATCH', `/tickets/${id}/status`, { status }, index % 2 ? { app: replica } : {}),
        ),
      ),
    );
    await mine.ask('POST', '/tickets/batch', { tickets: Array(7).fill({ title: 'x' }) });
    const seen: number[] = [];
    for (let cursor = from; ; ) {
      const page = await changes(mine, `cursor=${cursor}&limit=4`);
      if (page.changes.length === 0) break;
      seen.push(...page.changes.map(({ sequence }: { sequence: number }) => sequence));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => Number(from) + 1 + index));
    expect(seen.length).toBeGreaterThan(5 + 7);
    expect(await lastOf(mine)).toBe(String(seen.at(-1)));
  });

  test('takes no number for what was rolled back', async () => {
    const from = await lastOf(mine);
    const headers = { 'idempotency-key': 'taken' };
    await mine.ask('POST', '/tickets', { title: 'a' }, { headers });
    const refused = await mine.ask('POST', '/tickets', { title: 'b' }, { headers });
    expect(refused.status).toBe(409);
    expect((await changes(mine, `cursor=${from}`)).changes).toHaveLength(1);
  });

  test('says once what was done again because transactions met', async () => {
    const id = await mine.open();
    const from = await lastOf(mine);
    // Every first try fails as one does that has lost against another, after all else of it is written.
    await tickets.rows(`
      CREATE SEQUENCE tickets.tries;
      GRANT USAGE ON SEQUENCE tickets.tries TO PUBLIC;
      CREATE FUNCTION tickets.fail_first() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('tickets.tries') % 2 = 1 THEN RAISE 'again' USING ERRCODE = 'serialization_failure'; END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER fail_first AFTER INSERT ON tickets.ticket_changes
        FOR EACH STATEMENT EXECUTE FUNCTION tickets.fail_first()`);
    try {
      const said = await mine.ask('POST', `/tickets/${id}/comments`, { content: 'Once' });
      const moved = await mine.ask('PATCH', `/tickets/${id}/status`, { status: 'closed' });
      const opened = await mine.ask('POST', '/tickets/batch', { tickets: [{ title: 'x' }, { title: 'y' }] });
      expect([said.status, moved.status, opened.status]).toEqual([201, 200, 200]);
    } finally {
      await tickets.rows('DROP TRIGGER fail_first ON tickets.ticket_changes');
    }
    const { changes: told } = await changes(mine, `cursor=${from}`);
    expect(
      told.map(({ sequence, type }: { sequence: number; type: string }) => [sequence - Number(from), type]),
    ).toEqual([
      [1, 'ticket.commented'],
      [2, 'ticket.status_changed'],
      [3, 'ticket.created'],
      [4, 'ticket.created'],
    ]);
    const { comments } = (await mine.ask('GET', `/tickets/${id}/comments`)).body;
    expect(comments).toMatchObject([{ id: told[0].data.comment.id, content: 'Once' }]);
    const messages = await tickets.events<{ message_id: string }>('webhooks.message.published');
    expect(messages.slice(-4).map(({ message_id }) => message_id)).toEqual(
      told.map((change: { id: string }) => change.id),
    );
  });

  test('of another token says nothing of mine, and has numbers of its own', async () => {
    const before = await lastOf(other);
    await mine.open();
    expect(await lastOf(other)).toBe(before);
    await other.open();
    expect((await changes(other)).changes[0].sequence).toBe(1);
  });

  test.each([
    'cursor=999999999',
    'cursor=-1',
    'cursor=x',
    'cursor=1e3',
    'wait=31',
    'wait=-1',
    'wait=soon',
    'limit=0',
  ])('refuses ?%s in words', async (query) => {
    const refused = await mine.ask('GET', `/tickets/changes?${query}`);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_field' } });
    expect(refused.body.message).toContain(query.split('=')[0]);
  });
});

describe('whoever waits', () => {
  test('is answered by the next change, made on any replica', async () => {
    const from = await lastOf(mine);
    const replica = await tickets.startReplica();
    const waits = Promise.all([
      changes(mine, `cursor=${from}&wait=30`),
      mine.ask('GET', `/tickets/changes?cursor=${from}&wait=30`, undefined, { app: replica }),
    ]);
    await waitFor(() => tickets.deps.feeds.waiting === 1);
    const id = await mine.open();
    const [here, there] = await waits;
    expect(here.changes[0].ticket_id).toBe(id);
    expect(there.body).toEqual(here);
  });

  test('is answered empty when nothing happens, with the cursor to go on with', async () => {
    const from = await lastOf(mine);
    expect(await changes(mine, `cursor=${from}&wait=1`)).toEqual({ changes: [], next_cursor: from });
  });

  test('a sixth time is told when to come again, and is given what there is', async () => {
    const from = await lastOf(mine);
    const polls = Array.from({ length: 5 }, () => changes(mine, `cursor=${from}&wait=30`));
    await waitFor(() => tickets.deps.feeds.waiting === 5);
    expect(await mine.ask('GET', `/tickets/changes?cursor=${from}&wait=30`)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '30' },
      body: { error: 'rate_limit_exceeded', message: expect.stringContaining('wait for changes already') },
    });
    // Nobody else is kept out, nor whoever does not have to wait.
    const others = changes(other, `cursor=${await lastOf(other)}&wait=1`);
    expect((await changes(mine, 'cursor=0&wait=30&limit=1')).changes).toHaveLength(1);
    expect(await changes(mine, `cursor=${from}`)).toEqual({ changes: [], next_cursor: from });
    expect((await others).changes).toEqual([]);
    await mine.open();
    for (const page of await Promise.all(polls)) expect(page.changes).toHaveLength(1);
    await waitFor(() => tickets.deps.feeds.waiting === 0);
  });

  test('when too many do in this process is told to come again in a moment', async () => {
    const full = createFeeds({ bus: tickets.bus, log: tickets.data.log, waitingMax: 1 });
    const first = full.register(mine.principal.token_id);
    const second = full.register(other.principal.token_id);
    await expect(second.next(10)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      headers: { 'retry-after': '5' },
    });
    second.close();
    first.close();
    expect(full.waiting).toBe(0);
    const third = full.register(other.principal.token_id);
    await expect(third.next(10)).resolves.toBe(true);
    third.close();
    full.stop();
  });

  test('is answered at once when the process is asked to stop', async () => {
    const stopping = await startTestTickets();
    try {
      const token = await outside(stopping);
      const poll = changes(token, 'wait=30');
      await waitFor(() => stopping.deps.feeds.waiting === 1);
      stopping.deps.feeds.stop();
      expect(await poll).toEqual({ changes: [], next_cursor: '0' });
      expect(await changes(token, 'wait=30')).toEqual({ changes: [], next_cursor: '0' });
    } finally {
      await stopping.close();
    }
  });
});

test('whoever follows a database that was set back goes on, and the gap says that something is lost', async () => {
  const follower = await outside(tickets, 'Follower');
  for (let opened = 0; opened < 5; opened += 1) await follower.open();
  const tokenId = follower.principal.token_id;
  await tickets.rows('DELETE FROM tickets.ticket_changes WHERE token_id = $1 AND sequence > 3', [tokenId]);
  await tickets.rows('UPDATE tickets.token_feeds SET last_sequence = 3 WHERE token_id = $1', [tokenId]);
  expect((await follower.ask('GET', '/tickets/changes?cursor=5')).status).toBe(400);

  const page = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
  const statements = page.match(/^ *UPDATE \S+ SET last_sequence = .*;$/gm) ?? [];
  expect(statements).toHaveLength(2);
  for (const statement of statements) await tickets.rows(statement);

  expect(await changes(follower, 'cursor=5')).toEqual({ changes: [], next_cursor: '5' });
  await follower.open();
  const { changes: told } = await changes(follower, 'cursor=5');
  expect(told.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1_000_004]);
});
