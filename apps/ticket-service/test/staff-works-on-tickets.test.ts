import type { Responder } from '@switchboard/bus';
import { identityRpcs, type UserPrincipal, type UserRole } from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentOf, type Outside, outside } from './support/surface.ts';
import { startTestTickets, type TestTickets, userOf } from './support/tickets.ts';

const STAFF = '/api/admin/v1/tickets';
let tickets: TestTickets;
let helpdesk: Outside;
let agent: UserPrincipal;
let identity: Responder;
const people = new Map<string, { name: string | null; role: UserRole; disabled: boolean }>();

beforeAll(async () => {
  tickets = await startTestTickets();
  helpdesk = await outside(tickets);
  agent = agentOf(tickets);
  identity = tickets.bus.respond(identityRpcs.findUser, async ({ user_id: id }) => {
    const known = people.get(id);
    return { user: known ? { id, email: 'somebody@example.com', ...known } : null };
  });
});
afterAll(() => tickets?.close());

const somebody = (fields: { name?: string | null; role?: UserRole; disabled?: boolean } = {}): string => {
  const id = tickets.data.ids.next();
  people.set(id, { name: null, role: 'agent', disabled: false, ...fields });
  return id;
};
const staff = (
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  who = agent,
) => tickets.call(who, method, `${STAFF}${path}`, { body, headers });

test('a user without a role gets nowhere; an agent and an administrator do', async () => {
  const id = await helpdesk.open();
  const roles = ['user', 'agent', 'admin', 'super_admin'] as const;
  for (const role of roles) {
    const who = userOf(role, tickets.data.ids.next());
    const answers = [
      await staff('GET', '', undefined, {}, who),
      await staff('GET', `/${id}`, undefined, {}, who),
      await staff('GET', `/${id}/history`, undefined, {}, who),
      await staff('GET', `/${id}/comments`, undefined, {}, who),
      await staff('PATCH', `/${id}`, { priority: 'high' }, {}, who),
      await staff('PATCH', `/${id}/status`, { status: 'open' }, {}, who),
    ];
    const expected = role === 'user' ? 403 : 200;
    expect([role, ...answers.map(({ status }) => status)]).toEqual([role, ...answers.map(() => expected)]);
  }
});

describe('whoever has a ticket in hand', () => {
  test('is somebody who may work on tickets and may sign in', async () => {
    const id = await helpdesk.open();
    for (const [who, words] of [
      [tickets.data.ids.next(), 'id of a user'],
      [somebody({ role: 'user' }), 'agent or administrator'],
      [somebody({ disabled: true }), 'disabled'],
    ]) {
      const refused = await staff('PATCH', `/${id}`, { assignee_id: who });
      expect(refused).toMatchObject({
        status: 400,
        body: { fields: [{ field: 'assignee_id', message: expect.stringContaining(words as string) }] },
      });
    }
    const ada = somebody({ name: 'Ada' });
    const given = await staff('PATCH', `/${id}`, { assignee_id: ada });
    expect(given.body.ticket.assignee).toEqual({ id: ada, name: 'Ada' });
    const bob = somebody();
    const passed = await staff('PATCH', `/${id}`, { assignee_id: bob });
    expect(passed.body.ticket.assignee).toEqual({ id: bob, name: 'somebody@example.com' });
    const mine = await staff('GET', `?assignee_id=${bob}`);
    expect(mine.body.tickets.map((one: { id: string }) => one.id)).toEqual([id]);
    const nobody = await staff('PATCH', `/${id}`, { assignee_id: null });
    expect(nobody.body.ticket.assignee).toBeNull();
  });

  test('stays inside: nothing outside moves', async () => {
    const id = await helpdesk.open();
    const before = await helpdesk.ask('GET', `/tickets/${id}`);
    await staff('PATCH', `/${id}`, { assignee_id: somebody() });
    const after = await helpdesk.ask('GET', `/tickets/${id}`);
    expect([after.headers.etag, after.body]).toEqual([before.headers.etag, before.body]);
  });

  test('is one where two take it at once: the other learns that it was too late', async () => {
    const id = await helpdesk.open();
    const etag = String((await staff('GET', `/${id}`)).headers.etag);
    const takers = [somebody(), somebody()];
    const answers = await Promise.all(
      takers.map((assignee_id) => staff('PATCH', `/${id}`, { assignee_id }, { 'if-match': etag })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    const winner = takers[answers.findIndex(({ status }) => status === 200)];
    expect((await staff('GET', `/${id}`)).body.ticket.assignee.id).toBe(winner);
  });
});

test('every act is in the history, newest first, with who did it, page by page', async () => {
  const id = await helpdesk.open({ title: 'Recorded', priority: 'low' });
  const ada = somebody({ name: 'Ada' });
  await staff('PATCH', `/${id}`, { priority: 'high', category: 'hardware', assignee_id: ada });
  await staff('PATCH', `/${id}`, { priority: 'high', assignee_id: ada });
  const comment = await staff('POST', `/${id}/comments`, { content: 'On the way' });
  const note = await staff('POST', `/${id}/comments`, { content: 'It is old', is_internal: true });
  await helpdesk.ask('PATCH', `/tickets/${id}`, { title: 'Still recorded' });
  await staff('PATCH', `/${id}/status`, { status: 'resolved' });
  await staff('PATCH', `/${id}/status`, { status: 'resolved' });
  const { entries } = (await staff('GET', `/${id}/history`)).body;
  const by = { kind: 'staff', id: agent.user_id, name: agent.email };
  const token = { kind: 'token', id: helpdesk.principal.token_id, name: 'Helpdesk' };
  expect(entries).toMatchObject([
    { type: 'status_changed', actor: by, changes: { status: { from: 'open', to: 'resolved' } } },
    { type: 'updated', actor: token, changes: { title: { from: 'Recorded', to: 'Still recorded' } } },
    { type: 'commented', actor: by, comment_id: note.body.comment.id, sequence: null },
    { type: 'commented', actor: by, comment_id: comment.body.comment.id, sequence: expect.any(Number) },
    {
      type: 'assigned',
      sequence: null,
      actor: by,
      changes: { assignee: { from: null, to: { id: ada, name: 'Ada' } } },
    },
    {
      type: 'updated',
      actor: by,
      changes: { priority: { from: 'low', to: 'high' }, category: { from: null, to: 'hardware' } },
    },
    { type: 'created', actor: token },
  ]);
  const paged: unknown[] = [];
  let cursor = '';
  do {
    const page = await staff('GET', `/${id}/history?limit=2${cursor}`);
    paged.push(...page.body.entries);
    cursor = page.body.next_cursor ? `&cursor=${page.body.next_cursor}` : '';
  } while (cursor !== '' && paged.length < 20);
  expect(paged).toEqual(entries);
});

test('an answer stays as it was sent', async () => {
  const id = await helpdesk.open();
  const content = '  a\n    b\n';
  const { body } = await staff('POST', `/${id}/comments`, { content, is_internal: null });
  expect(body.comment).toMatchObject({ content, is_internal: false });
});

test('internal notes are seen here, and only here', async () => {
  const id = await helpdesk.open();
  const before = await helpdesk.ask('GET', `/tickets/${id}`);
  const secret = 'this customer never pays';
  expect((await staff('POST', `/${id}/comments`, { content: secret, is_internal: true })).status).toBe(201);
  await staff('POST', `/${id}/comments`, { content: 'Hello' });
  const inside = await staff('GET', `/${id}/comments`);
  expect(inside.body.comments).toMatchObject([
    { content: 'Hello', is_internal: false, author: agent.email, author_kind: 'staff' },
    { content: secret, is_internal: true, author_id: agent.user_id },
  ]);
  const comments = await helpdesk.ask('GET', `/tickets/${id}/comments`);
  expect(comments.body.comments).toMatchObject([{ content: 'Hello', author: 'Support' }]);
  const told = await tickets.rows<{ text: string }>('SELECT data::text AS text FROM tickets.outbox');
  const fed = await tickets.rows<{ text: string }>('SELECT data::text AS text FROM tickets.ticket_changes');
  expect(JSON.stringify([before.body, comments.body, told, fed])).not.toContain(secret);
});

test('an answer that is sent twice with one idempotency key is one', async () => {
  const id = await helpdesk.open();
  const send = () => staff('POST', `/${id}/comments`, { content: 'Once' }, { 'idempotency-key': 'answer-1' });
  const [first, second] = [await send(), await send()];
  expect(second.body).toEqual(first.body);
  expect(second.headers['idempotent-replay']).toBe('true');
  expect((await staff('GET', `/${id}/comments`)).body.comments).toHaveLength(1);
});

test('tickets of all tokens are listed and filtered, and what is not there is not found', async () => {
  const other = await outside(tickets, 'Shop');
  const id = await other.open({ priority: 'urgent', category: 'orders' });
  const found = await staff('GET', `?token_id=${other.principal.token_id}&priority=urgent&assignee_id=none`);
  expect(found.body).toMatchObject({ tickets: [{ id, integration_source: 'Shop' }], next_cursor: null });
  const nowhere = tickets.data.ids.next();
  for (const path of [`/${nowhere}`, `/${nowhere}/history`, `/${nowhere}/comments`]) {
    expect(await staff('GET', path)).toMatchObject({ status: 404, body: { code: 'TICKET_NOT_FOUND' } });
  }
});

test('nobody is given work while nobody can be asked who that is; the rest goes on', async () => {
  const id = await helpdesk.open();
  const who = somebody();
  await identity.stop();
  expect(await staff('PATCH', `/${id}`, { assignee_id: who })).toMatchObject({ status: 503 });
  expect(await staff('PATCH', `/${id}`, { priority: 'low', assignee_id: null })).toMatchObject({
    status: 200,
  });
});
