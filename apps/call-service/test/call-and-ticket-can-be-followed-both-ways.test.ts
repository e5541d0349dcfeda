import { ticketEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLS, startTestCalls, type TestCalls, userOf } from './support/calls.ts';

let calls: TestCalls;
beforeAll(async () => {
  calls = await startTestCalls();
  await calls.startReplica();
});
afterAll(() => calls?.close());

type Event =
  | 'ticketCreated'
  | 'ticketUpdated'
  | 'ticketStatusChanged'
  | 'ticketCommented'
  | 'ticketSlaBreached';
type Data = ReturnType<(typeof ticketEvents)['ticketCreated']['data']['parse']>;

interface Told {
  readonly event: Event;
  readonly status: Data['ticket']['status'];
  readonly previous?: Data['previous_status'];
  /** Of the ticket. */
  readonly second: number;
}

const newId = () => calls.deps.data.ids.next();
const idsOf = (count: number) => Array.from({ length: count }, newId);

/** What ticket-service says of a ticket, by NATS. Gives the event's id. */
const publish = async (
  callId: string | null,
  ticketId: string,
  { event, status, previous, second }: Told,
  id = newId(),
): Promise<string> => {
  const at = new Date(Date.UTC(2024, 11, 15, 10, 30, second)).toISOString();
  const data = {
    ...(ticketEvents[event].example as Data),
    ticket_id: ticketId,
    call_id: callId,
    token_id: null,
    sequence: null,
    at,
  };
  const ticket = { ...data.ticket, id: ticketId, status, updated_at: at };
  await calls.bus.publishEvent(
    ticketEvents[event],
    { ...data, ticket, previous_status: previous },
    { source: 'ticket-service', id },
  );
  return id;
};
const untilHandled = (ids: readonly string[]) =>
  waitFor(
    async () => {
      const handled = await calls.rows(
        "SELECT FROM calls.inbox WHERE consumer = 'calls-support-tickets' AND event_id = ANY($1)",
        [ids],
      );
      return handled.length === ids.length;
    },
    { what: 'the events are handled' },
  );
const tell = async (...told: Parameters<typeof publish>) => untilHandled([await publish(...told)]);

const record = (callId: string, ticketId: string) =>
  calls.rows(
    'INSERT INTO calls.call_support_tickets (ticket_id, call_id, opened_by, created_at) VALUES ($1, $2, $3, now())',
    [ticketId, callId, calls.caller.key_id],
  );
const open = async (callId: string): Promise<string> => {
  const { body } = await calls.ask('POST', `${CALLS}/${callId}/support-tickets`, {
    body: { title: 'Call back' },
  });
  return body.data.ticketId;
};
const statusesOf = async (callId: string): Promise<Map<string, string>> => {
  const { body } = await calls.ask('GET', `${CALLS}/${callId}`);
  const shown: { ticketId: string; status: string }[] = body.data.supportTickets;
  return new Map(shown.map(({ ticketId, status }) => [ticketId, status]));
};
const ordersOf = <Item>(items: readonly Item[]): Item[][] =>
  items.length === 0
    ? [[]]
    : items.flatMap((item, at) => ordersOf(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));

const created: Told = { event: 'ticketCreated', status: 'open', second: 0 };
const started: Told = { event: 'ticketStatusChanged', status: 'in_progress', previous: 'open', second: 5 };

describe('how far a ticket is, in its call', () => {
  test('is what was said last, of this ticket alone, whichever event says it', async () => {
    const { callId } = await calls.startCall();
    const [ticketId, other] = [await open(callId), await open(callId)];
    const shown = async () => (await statusesOf(callId)).get(ticketId);
    for (const [told, status] of [
      [created, 'open'],
      [started, 'in_progress'],
      [{ event: 'ticketCommented', status: 'in_progress', second: 6 }, 'in_progress'],
      [{ event: 'ticketUpdated', status: 'waiting', second: 8 }, 'waiting'],
      [{ event: 'ticketSlaBreached', status: 'waiting', second: 9 }, 'waiting'],
      [{ event: 'ticketStatusChanged', status: 'closed', previous: 'waiting', second: 10 }, 'closed'],
      [{ event: 'ticketStatusChanged', status: 'open', previous: 'closed', second: 11 }, 'open'],
    ] satisfies [Told, string][]) {
      await tell(callId, ticketId, told);
      expect(await shown()).toBe(status);
      expect((await statusesOf(callId)).get(other)).toBe('open');
    }
  });

  test('does not go back when an event comes twice or late', async () => {
    const { callId } = await calls.startCall();
    const ticketId = await open(callId);
    const ids = idsOf(2);
    const resolved: Told = {
      event: 'ticketStatusChanged',
      status: 'resolved',
      previous: 'in_progress',
      second: 9,
    };
    await tell(callId, ticketId, started, ids[0]);
    await tell(callId, ticketId, resolved, ids[1]);
    // The same by its id, and once more under another one.
    for (const id of [ids[0], newId()]) await tell(callId, ticketId, started, id);
    await tell(callId, ticketId, created);
    expect(await statusesOf(callId)).toEqual(new Map([[ticketId, 'resolved']]));
  });

  test.each([
    {
      what: 'a clock that ran out in the transaction of a change of status',
      told: [
        created,
        { event: 'ticketSlaBreached', status: 'open', second: 5 },
        started,
        { event: 'ticketStatusChanged', status: 'resolved', previous: 'in_progress', second: 9 },
      ],
      status: 'resolved',
    },
    {
      what: 'two changes of status and a comment at the same time',
      told: [
        created,
        started,
        { event: 'ticketStatusChanged', status: 'waiting', previous: 'in_progress', second: 5 },
        { event: 'ticketCommented', status: 'waiting', second: 5 },
      ],
      status: 'waiting',
    },
  ] satisfies { what: string; told: Told[]; status: string }[])(
    'is the same in every order in which events come: $what',
    async ({ told, status }) => {
      const { callId } = await calls.startCall();
      const orders = ordersOf(told).map((order) => ({ ticketId: newId(), order }));
      for (const { ticketId } of orders) await record(callId, ticketId);
      for (const step of told.keys()) {
        const ids = await Promise.all(
          orders.map(({ ticketId, order }) => publish(callId, ticketId, order[step] as Told)),
        );
        await untilHandled(ids);
      }
      const shown = await statusesOf(callId);
      expect(orders.filter(({ ticketId }) => shown.get(ticketId) !== status)).toEqual([]);
    },
  );

  test('is not lost when it is said before the call has the ticket, and makes no ticket of the call', async () => {
    const { callId } = await calls.startCall();
    const [ticketId = ''] = idsOf(1);
    await tell(callId, ticketId, started);
    expect(await statusesOf(callId)).toEqual(new Map());
    await record(callId, ticketId);
    expect(await statusesOf(callId)).toEqual(new Map([[ticketId, 'in_progress']]));
  });

  test('is not kept of tickets of no call, or of a call that is not here', async () => {
    const [ticketId = '', other = '', nowhere = ''] = idsOf(3);
    await tell(null, ticketId, started);
    await tell(nowhere, other, started);
    expect(
      await calls.rows('SELECT FROM calls.call_support_ticket_states WHERE ticket_id = ANY($1::uuid[])', [
        [ticketId, other],
      ]),
    ).toEqual([]);
  });
});

describe('the call of a ticket', () => {
  const pathOf = (callId: string) => `/api/admin/v1/calls/${callId}`;
  const staff = (role: 'user' | 'agent' | 'admin' | 'super_admin') => userOf(newId(), { role });

  test('is seen by those who work on tickets as its owner sees it, also after its end', async () => {
    const { callId } = await calls.startCall({ metadata: { order: 'A-1' } });
    const ticketId = await open(callId);
    const seen = async (by: Parameters<typeof staff>[0]) => {
      const own = await calls.ask('GET', `${CALLS}/${callId}`);
      const { status, body } = await calls.ask('GET', pathOf(callId), { by: staff(by) });
      expect([status, body]).toEqual([200, own.body]);
      return body.data;
    };
    expect(await seen('agent')).toMatchObject({ callId, supportTickets: [{ ticketId, status: 'open' }] });
    await calls.ask('POST', `${CALLS}/${callId}/end`);
    for (const role of ['agent', 'admin', 'super_admin'] as const) {
      expect(await seen(role)).toMatchObject({ status: 'ended', metadata: { order: 'A-1' } });
    }
  });

  test('is for nobody else: not for users without that role, and not for its own account here', async () => {
    const { callId } = await calls.startCall();
    const refused = await calls.ask('GET', pathOf(callId), { by: staff('user') });
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'INSUFFICIENT_ROLE' }]);
    const byKey = await calls.ask('GET', pathOf(callId));
    expect([401, 403]).toContain(byKey.status);
    // And what staff may see there, they may not elsewhere.
    expect((await calls.ask('GET', `${CALLS}/${callId}`, { by: staff('agent') })).status).toBe(404);
  });

  test('is not there when there is none, or the id is no id', async () => {
    for (const id of [newId(), 'no-call']) {
      const { status, body } = await calls.ask('GET', pathOf(id), { by: staff('agent') });
      expect([status, body]).toMatchObject([404, { code: 'CALL_NOT_FOUND' }]);
    }
  });
});
