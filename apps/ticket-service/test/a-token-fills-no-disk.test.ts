import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outside, outside } from './support/surface.ts';
import { SURFACE, startTestTickets, type TestTickets, tokenPrincipal } from './support/tickets.ts';

/* What is kept for a token is bounded, whatever it is made of and whoever sends at the same time; those of others are not among it. */
const ROOM = 10_000;
let tickets: TestTickets;
let app: FastifyInstance;
beforeAll(async () => {
  tickets = await startTestTickets();
  const { config } = tickets.deps;
  app = await tickets.startReplica({ config: { ...config, tickets: { storedBytesPerTokenMax: ROOM } } });
}, 60_000);
afterAll(() => tickets?.close());

const full = { status: 409, body: { error: 'too_many', message: expect.stringContaining(`${ROOM} bytes`) } };
const attach = (who: Outside, ticketId: string, bytes: number, key?: string) =>
  tickets.call(who.principal, 'POST', `${SURFACE}/tickets/${ticketId}/attachments`, {
    app,
    raw: `--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${'a'.repeat(bytes)}\r\n--x--\r\n`,
    headers: {
      'content-type': 'multipart/form-data; boundary=x',
      ...(key ? { 'idempotency-key': key } : {}),
    },
  });
const keptOf = async (who: Outside): Promise<number> =>
  (await tickets.ask('GET', `/${who.principal.token_id}/usage/summary`)).body.stored_bytes;
const storedFiles = async (ticketId: string): Promise<string[]> =>
  readdir(join(tickets.storageDirectory, 'tickets', ticketId)).catch(() => []);

describe('a token that has no room left', () => {
  test('by files: as many are stored as fit, the rest leaves nothing, and a repeated one is answered as before', async () => {
    const who = await outside(tickets);
    const ids = await Promise.all(Array.from({ length: 4 }, () => who.open()));
    const answers = await Promise.all(ids.map((id) => attach(who, id, 3_500, `full-${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)).toMatchObject(full);
    expect((await Promise.all(ids.map(storedFiles))).flat()).toHaveLength(2);
    const again = answers.findIndex(({ status }) => status === 201);
    const id = ids[again] ?? '';
    const repeated = await attach(who, id, 3_500, `full-${id}`);
    expect(repeated.body.attachment.id).toBe(answers[again]?.body.attachment.id);
    // Refused before its bytes are stored, with a key or without.
    expect(await attach(who, id, 3_500)).toMatchObject(full);
    expect(await attach(who, id, 3_500, 'another')).toMatchObject(full);
    const pending = "SELECT FROM tickets.ticket_attachments WHERE status = 'pending'";
    expect(await tickets.rows(pending)).toEqual([]);
  });

  test('by words: tickets, changes and comments are refused whole, and staff goes on', async () => {
    const who = await outside(tickets);
    const ask: Outside['ask'] = (method, path, body) => who.ask(method, path, body, { app });
    const description = 'x'.repeat(4_000);
    const id = await who.open({ description });
    expect((await ask('PATCH', `/tickets/${id}`, { category: 'a' })).status).toBe(200);
    const kept = await keptOf(who);
    expect(kept).toBeGreaterThan(2 * 4_000);
    expect(kept).toBeLessThan(ROOM);
    expect(await ask('POST', '/tickets', { title: 'x', description })).toMatchObject(full);
    expect(await ask('POST', '/tickets/batch', { tickets: [{ title: 'x', description }] })).toMatchObject(
      full,
    );
    expect(await ask('PATCH', `/tickets/${id}`, { category: 'b' })).toMatchObject(full);
    expect(await ask('POST', `/tickets/${id}/comments`, { content: description })).toMatchObject(full);
    expect((await ask('GET', `/tickets/${id}`)).body.ticket.category).toBe('a');
    expect((await ask('GET', '/tickets/changes')).body.changes).toHaveLength(2);
    expect(await keptOf(who)).toBe(kept);

    const staff = await tickets.call(tickets.admin, 'PATCH', `/api/admin/v1/tickets/${id}/status`, {
      app,
      body: { status: 'closed' },
    });
    expect(staff.status).toBe(200);
    expect((await ask('GET', '/tickets/changes')).body.changes).toHaveLength(3);

    const other = await outside(tickets, 'Another one');
    expect((await other.ask('POST', '/tickets', { title: 'x', description }, { app })).status).toBe(201);
  });
});

test('what is kept is what the feed and the files have', async () => {
  const who = await outside(tickets);
  const id = await who.open({ description: 'Süß' });
  await who.ask('POST', '/tickets/batch', { tickets: [{ title: 'a' }, { title: '' }, { title: 'b' }] });
  expect((await attach(who, id, 100)).status).toBe(201);
  await who.ask('POST', `/tickets/${id}/comments`, { content: 'Stays inside', is_internal: true });
  const { changes } = (
    await tickets.call(tokenPrincipal(who.principal.token_id), 'GET', `${SURFACE}/tickets/changes`)
  ).body;
  const bytes = changes.map(({ data }: { data: unknown }) => Buffer.byteLength(JSON.stringify(data)));
  expect(await keptOf(who)).toBe(bytes.reduce((sum: number, each: number) => sum + each, 100));
});
