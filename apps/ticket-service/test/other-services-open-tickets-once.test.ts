import { eventType, ticketEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

let tickets: TestTickets;
beforeAll(async () => {
  tickets = await startTestTickets();
});
afterAll(() => tickets?.close());

const command = (title: string, ticketId = tickets.data.ids.next()) => ({
  ticket_id: ticketId,
  title,
  description: null,
  priority: 'high' as const,
  category: 'billing',
  metadata: { order: 'A-1' },
  call_id: tickets.data.ids.next(),
  requested_by: { service: 'call-service', kind: 'api_key' as const, id: 'key-1' },
});
const ask = (data: ReturnType<typeof command>) =>
  transact(tickets.data, async ({ emit }) => emit(ticketEvents.open, data));
const find = (id: string) =>
  tickets.rows<Record<string, unknown>>('SELECT * FROM tickets.tickets WHERE id = $1', [id]);
const opened = (id: string) => waitFor(async () => (await find(id))[0], { what: 'the ticket is opened' });

test('a ticket that another service asks for is there, of no token, with its call and with who asked', async () => {
  const wanted = command('Call back');
  await ask(wanted);
  expect(await opened(wanted.ticket_id)).toMatchObject({
    title: 'Call back',
    priority: 'high',
    category: 'billing',
    metadata: { order: 'A-1' },
    call_id: wanted.call_id,
    token_id: null,
    integration_source: 'call-service',
    status: 'open',
  });
  const history = await tickets.rows('SELECT * FROM tickets.ticket_changes WHERE ticket_id = $1', [
    wanted.ticket_id,
  ]);
  expect(history).toMatchObject([
    { type: 'created', actor_kind: 'service', actor_id: 'call-service', actor_name: 'api_key key-1' },
  ]);
});

test('the same ticket asked for twice, in other words, is opened once and stays as it is', async () => {
  const first = command('First words');
  await ask(first);
  await opened(first.ticket_id);
  await ask({ ...first, title: 'Other words' });
  // Commands are handled in their order: once the next is done, so is the second.
  const next = command('The next');
  await ask(next);
  await opened(next.ticket_id);
  expect(await find(first.ticket_id)).toMatchObject([{ title: 'First words' }]);
  const history = await tickets.rows('SELECT 1 FROM tickets.ticket_changes WHERE ticket_id = $1', [
    first.ticket_id,
  ]);
  expect(history).toHaveLength(1);
});

test('a ticket is opened with its history whatever case its id is in, and what is empty is left out', async () => {
  const wanted = {
    ...command('Shouted', tickets.data.ids.next().toUpperCase()),
    description: '',
    category: '',
  };
  await transact(tickets.data, async ({ emit }) => emit(ticketEvents.open, wanted));
  expect(await opened(wanted.ticket_id)).toMatchObject({ description: null, category: null });
  const history = await tickets.rows('SELECT type FROM tickets.ticket_changes WHERE ticket_id = $1', [
    wanted.ticket_id,
  ]);
  expect(history).toEqual([{ type: 'created' }]);
});

test.each([
  ['an id that is none', () => command('Whatever', 'no id')],
  ['what no database stores', () => ({ ...command('Whatever'), description: 'a NUL: \u0000' })],
])('a command with %s is set aside for operators, and those after it are done', async (_what, make) => {
  const id = tickets.data.ids.next();
  const envelope = {
    specversion: '1.0',
    id,
    source: 'call-service',
    type: eventType(ticketEvents.open),
    time: tickets.data.clock.now().toISOString(),
    datacontenttype: 'application/json',
    data: make(),
  };
  await waitFor(
    () =>
      tickets.bus.publish({
        subject: ticketEvents.open.name,
        msgId: id,
        payload: JSON.stringify(envelope),
        headers: { 'ce-id': id },
      }),
    { what: 'the command kept' },
  );
  const next = command('After it');
  await ask(next);
  await opened(next.ticket_id);
  const dead = await waitFor(
    async () => (await tickets.bus.listDead()).find(({ eventId }) => eventId === id),
    { what: 'the command is dead' },
  );
  expect(dead).toMatchObject({ subject: 'tickets.ticket.open', consumer: 'tickets-open' });
});
