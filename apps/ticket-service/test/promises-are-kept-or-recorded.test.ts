import { createManualClock, type UserPrincipal } from '@switchboard/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../src/deps.ts';
import { readBusinessHours } from '../src/domain/sla/business-hours.ts';
import { recordBreaches } from '../src/domain/sla/record-breaches.ts';
import { agentOf, type Outside, outside } from './support/surface.ts';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

const STAFF = '/api/admin/v1/tickets';
// A Thursday, in an office that works from nine to five.
const START = '2026-11-26T10:00:00.000Z';
const clock = createManualClock(START);
let tickets: TestTickets;
let helpdesk: Outside;
let agent: UserPrincipal;
const replicas: Pick<Deps, 'config' | 'data' | 'feeds' | 'sla'>[] = [];

beforeAll(async () => {
  tickets = await startTestTickets({
    clock,
    sla: {
      businessHours: readBusinessHours('mon-fri 09:00-17:00') ?? [],
      firstResponseMinutes: { urgent: 60, high: 120, medium: 480, low: null },
      resolutionMinutes: { urgent: 240, high: 480, medium: 960, low: null },
    },
  });
  helpdesk = await outside(tickets);
  agent = agentOf(tickets);
  replicas.push(tickets.deps, tickets.deps);
});
afterAll(() => tickets?.close());
beforeEach(() => clock.set(START));

const staff = async (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown) => {
  const answer = await tickets.call(agent, method, `${STAFF}/${path}`, { body });
  expect(answer).toMatchObject({ status: method === 'POST' ? 201 : 200 });
  return answer.body;
};
const slaOf = async (id: string) => (await staff('GET', id)).ticket.sla;
const setStatus = (id: string, status: string) => staff('PATCH', `${id}/status`, { status });
const reply = (id: string, fields = {}) =>
  staff('POST', `${id}/comments`, { content: 'On the way', ...fields });
const look = async () => {
  const counts = await Promise.all(replicas.map((deps) => recordBreaches(deps)));
  return counts.reduce((sum, count) => sum + count, 0);
};
const typesOf = async (id: string): Promise<string[]> =>
  (await staff('GET', `${id}/history`)).entries.map(({ type }: { type: string }) => type).toReversed();

describe('a clock', () => {
  test('runs to its due time in business hours, by priority, or not at all', async () => {
    const urgent = await helpdesk.open({ priority: 'urgent' });
    expect(await slaOf(urgent)).toMatchObject({
      running: true,
      first_response: { target_minutes: 60, due_at: '2026-11-26T11:00:00.000Z', breached_at: null },
      resolution: { target_minutes: 240, due_at: '2026-11-26T14:00:00.000Z', met_at: null },
    });
    const medium = await helpdesk.open({ priority: 'medium' });
    expect((await slaOf(medium)).first_response.due_at).toBe('2026-11-27T10:00:00.000Z');
    const low = await helpdesk.open({ priority: 'low' });
    expect((await slaOf(low)).resolution).toEqual({
      target_minutes: null,
      due_at: null,
      met_at: null,
      breached_at: null,
    });
  });

  test('begins with the next business hour where nobody works', async () => {
    clock.set('2026-11-28T12:00:00.000Z');
    const id = await helpdesk.open({ priority: 'urgent' });
    expect((await slaOf(id)).first_response.due_at).toBe('2026-11-30T10:00:00.000Z');
    clock.set('2026-11-30T09:59:59.999Z');
    await reply(id);
    expect((await slaOf(id)).first_response).toMatchObject({ breached_at: null, due_at: null });
    await setStatus(id, 'closed');
  });

  test('stands still while the ticket waits, and goes on with what is left', async () => {
    const id = await helpdesk.open({ priority: 'urgent' });
    clock.advance(30 * 60);
    await setStatus(id, 'waiting');
    expect(await slaOf(id)).toMatchObject({
      running: false,
      first_response: { due_at: null },
      resolution: { due_at: null },
    });
    clock.set('2026-11-27T16:50:00.000Z');
    await look();
    await setStatus(id, 'in_progress');
    expect(await slaOf(id)).toMatchObject({
      running: true,
      // Half an hour: ten minutes on Friday, twenty on Monday.
      first_response: { due_at: '2026-11-30T09:20:00.000Z', breached_at: null },
    });
    await setStatus(id, 'closed');
  });

  test('of the first response ends with an answer of staff, in waiting too, and not with a note or the token', async () => {
    const id = await helpdesk.open({ priority: 'urgent' });
    await helpdesk.ask('POST', `/tickets/${id}/comments`, { content: 'Hello?' });
    await reply(id, { is_internal: true });
    expect((await slaOf(id)).first_response.met_at).toBeNull();
    await setStatus(id, 'waiting');
    clock.advance(60);
    await reply(id);
    expect((await slaOf(id)).first_response.met_at).toBe('2026-11-26T10:01:00.000Z');
    await setStatus(id, 'open');
    expect(await slaOf(id)).toMatchObject({
      first_response: { due_at: null, breached_at: null },
      resolution: { due_at: '2026-11-26T14:01:00.000Z' },
    });
    await setStatus(id, 'closed');
  });

  test('moves with the priority, and has run out where more is used already', async () => {
    const id = await helpdesk.open({ priority: 'high' });
    clock.advance(90 * 60);
    await staff('PATCH', id, { priority: 'urgent' });
    expect(await slaOf(id)).toMatchObject({
      first_response: { target_minutes: 60, due_at: '2026-11-26T11:30:00.000Z' },
      resolution: { due_at: '2026-11-26T14:00:00.000Z' },
    });
    expect(await look()).toBe(1);
    await staff('PATCH', id, { priority: 'medium' });
    expect(await slaOf(id)).toMatchObject({
      first_response: { breached_at: '2026-11-26T11:30:00.000Z', due_at: '2026-11-26T11:30:00.000Z' },
      resolution: { due_at: '2026-11-30T10:00:00.000Z' },
    });
    await setStatus(id, 'closed');
  });
});

describe('a promise that is not kept', () => {
  test('is recorded once however many replicas look, at the time when the clock ran out, and told outside', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => helpdesk.open({ priority: 'urgent' })));
    clock.set('2026-11-26T13:00:00.000Z');
    expect(await look()).toBe(12);
    expect(await look()).toBe(0);
    for (const id of ids) expect(await typesOf(id)).toEqual(['created', 'sla_breached']);
    const [breached] = (await tickets.call(agent, 'GET', `${STAFF}/${ids[0]}/history`)).body.entries;
    expect(breached.changes).toEqual({
      'sla.first_response.breached_at': { from: null, to: '2026-11-26T11:00:00.000Z' },
    });
    expect((await slaOf(ids[0] as string)).first_response.breached_at).toBe('2026-11-26T11:00:00.000Z');
    const events = await tickets.events<{ ticket_id: string; sla: unknown }>('tickets.ticket.sla_breached');
    const told = events.filter(({ ticket_id }) => ids.includes(ticket_id));
    expect(told).toHaveLength(12);
    expect(told[0]?.sla).toEqual({ clock: 'first_response', due_at: '2026-11-26T11:00:00.000Z' });
    const webhooks = await tickets.events<{ event_type: string; body: string }>('webhooks.message.published');
    for (const id of ids) {
      const ofTicket = webhooks.filter((one) => JSON.stringify(one.body).includes(id));
      expect(ofTicket.filter((one) => one.event_type === 'ticket.sla_breached')).toHaveLength(1);
    }
    const page = await tickets.call(agent, 'GET', `${STAFF}?sla=breached&limit=100`);
    expect(page.body.tickets.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(ids));
    for (const id of ids) await setStatus(id, 'closed');
  });

  test('is recorded by whoever changes the ticket first, before that change', async () => {
    const id = await helpdesk.open({ priority: 'urgent' });
    clock.set('2026-11-26T14:00:00.000Z');
    // Exactly at its due time a clock has run out.
    await setStatus(id, 'resolved');
    expect(await typesOf(id)).toEqual(['created', 'sla_breached', 'sla_breached', 'status_changed']);
    expect((await slaOf(id)).resolution).toMatchObject({
      breached_at: '2026-11-26T14:00:00.000Z',
      met_at: '2026-11-26T14:00:00.000Z',
      due_at: null,
    });
    clock.advance(3600);
    await setStatus(id, 'open');
    expect((await slaOf(id)).resolution.due_at).toBe('2026-11-26T14:00:00.000Z');
    expect(await look()).toBe(0);
    await setStatus(id, 'closed');
  });

  test('is none where the ticket was resolved in time, however late somebody looks', async () => {
    const id = await helpdesk.open({ priority: 'urgent' });
    clock.set('2026-11-26T10:59:59.999Z');
    await reply(id);
    clock.set('2026-11-26T13:59:59.999Z');
    await setStatus(id, 'resolved');
    clock.set('2026-12-10T10:00:00.000Z');
    await look();
    expect(await typesOf(id)).toEqual(['created', 'commented', 'status_changed']);
    await setStatus(id, 'in_progress');
    expect((await slaOf(id)).resolution.due_at).toBe('2026-12-10T10:00:00.001Z');
    await setStatus(id, 'closed');
  });
});
