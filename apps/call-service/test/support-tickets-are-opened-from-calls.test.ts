import { streamForDomain } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AskOptions,
  CALLS,
  startTestCalls,
  type TestCalls,
  type TestReplica,
  userOf,
} from './support/calls.ts';

let calls: TestCalls;
let replica: TestReplica;
beforeAll(async () => {
  calls = await startTestCalls();
  replica = await calls.startReplica();
});
afterAll(() => calls?.close());

const BODY = { title: 'Call back about the invoice' };
const pathOf = (callId: string) => `${CALLS}/${callId}/support-tickets`;
const open = (callId: string, options: Parameters<TestCalls['ask']>[2] = {}) =>
  calls.ask('POST', pathOf(callId), { body: BODY, ...options });
const withKey = (key: string, body: unknown = BODY): AskOptions => ({
  body,
  headers: { 'x-idempotency-key': key },
});
const shown = async (callId: string, by = calls.caller) =>
  (await calls.ask('GET', `${CALLS}/${callId}`, { by })).body.data.supportTickets;
interface Command {
  readonly ticket_id: string;
  readonly call_id: string;
}
const commandsOf = async (callId: string) =>
  (await calls.events<Command>('tickets.ticket.open')).filter(({ call_id }) => call_id === callId);
const otherKey = () => ({ ...calls.caller, key_id: calls.deps.data.ids.next() });
const otherAccount = () => ({ ...otherKey(), account_id: calls.deps.data.ids.next() });

describe('a support ticket', () => {
  test('is linked to its call, and asked for with all that was said', async () => {
    const { callId } = await calls.startCall();
    expect(await shown(callId)).toEqual([]);
    const body = {
      title: '  Call back ',
      description: 'It rang twice',
      priority: 'urgent',
      category: 'billing',
      metadata: { order: [1, null] },
    };
    const opened = await open(callId, { body });
    expect(opened.status).toBe(202);
    const { ticketId } = opened.body.data;
    expect(opened.body).toEqual({ success: true, data: { ticketId, callId } });
    expect(await commandsOf(callId)).toEqual([
      {
        ...body,
        title: 'Call back',
        ticket_id: ticketId,
        call_id: callId,
        requested_by: { service: 'call-service', kind: 'api_key', id: calls.caller.key_id },
      },
    ]);
    expect(await shown(callId)).toEqual([{ ticketId, openedAt: expect.any(String), status: 'open' }]);
  });

  test('has defaults; several of a call are shown oldest first, to every key of the account', async () => {
    const { callId } = await calls.startCall();
    const first = await open(callId, { body: { ...BODY, description: '', priority: null } });
    const second = await open(callId.toUpperCase(), { by: otherKey() });
    const ids = [first.body.data.ticketId, second.body.data.ticketId];
    expect(second.body.data.callId).toBe(callId);
    expect(await commandsOf(callId)).toMatchObject(
      ids.map((id) => ({
        ticket_id: id,
        description: null,
        priority: 'medium',
        category: null,
        metadata: {},
      })),
    );
    expect((await shown(callId, otherKey())).map((each: { ticketId: string }) => each.ticketId)).toEqual(ids);
  });

  test('is opened by people too, who are named', async () => {
    const person = userOf(calls.deps.data.ids.next());
    const { callId } = await calls.startCall({}, { by: person });
    expect((await open(callId, { by: person })).status).toBe(202);
    expect(await commandsOf(callId)).toMatchObject([{ requested_by: { kind: 'user', id: person.user_id } }]);
  });

  test('is opened for calls that are over, and for those of an earlier deployment', async () => {
    const { callId } = await calls.startCall();
    await calls.ask('POST', `${CALLS}/${callId}/end`);
    const imported = crypto.randomUUID();
    await calls.rows(
      `INSERT INTO calls.calls (id, account_id, name, phone, call_type, source, status, started_at, ended_at, duration_seconds)
      VALUES ($1, $2, 'Ann', '+1234567890', 'inbound', 'import', 'ended', now(), now(), 0)`,
      [imported, calls.caller.account_id],
    );
    for (const id of [callId, imported]) {
      const opened = await open(id);
      expect(opened.status).toBe(202);
      expect(await shown(id)).toMatchObject([{ ticketId: opened.body.data.ticketId }]);
    }
  });

  test('lands in the stream TICKETS, once', async () => {
    const { callId } = await calls.startCall();
    await open(callId);
    const find = () =>
      calls.rows<{ id: string; stream: string; sequence: string }>(
        `SELECT id, stream, stream_sequence AS sequence FROM calls.outbox
        WHERE subject = 'tickets.ticket.open' AND data ->> 'call_id' = $1 AND published_at IS NOT NULL`,
        [callId],
      );
    const [row] = await waitFor(
      async () => {
        const rows = await find();
        return rows.length > 0 && rows;
      },
      { what: 'the command is published' },
    );
    expect(row?.stream).toBe(streamForDomain('tickets').name);
    const last = (await calls.bus.streamState('TICKETS'))?.lastSequence ?? 0;
    const ids = await calls.bus.messageIds(
      'TICKETS',
      Array.from({ length: last }, (_, at) => at + 1),
    );
    expect(ids.filter((id) => id === row?.id)).toHaveLength(1);
  });
});

describe('a repeated request', () => {
  test('opens nothing more, and gets the first answer', async () => {
    const { callId } = await calls.startCall();
    const answers = await Promise.all(
      [undefined, replica, undefined, replica].map((at) =>
        open(callId, { ...withKey('again'), ...(at ? { at } : {}) }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.data.ticketId)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(answers.filter(({ headers }) => headers['idempotent-replay'] === 'true')).toHaveLength(3);
    expect(await commandsOf(callId)).toHaveLength(1);
    expect(await shown(callId)).toHaveLength(1);
  });

  test('with another body, or about another call, is refused', async () => {
    const { callId } = await calls.startCall();
    const other = await calls.startCall();
    expect((await open(callId, withKey('other'))).status).toBe(202);
    for (const refused of [
      await open(callId, withKey('other', { title: 'Something else' })),
      await open(other.callId, withKey('other')),
    ]) {
      expect([refused.status, refused.body.error.code]).toEqual([409, 'DUPLICATE_REQUEST']);
    }
    expect(await commandsOf(callId)).toHaveLength(1);
    expect(await commandsOf(other.callId)).toEqual([]);
  });
});

test('calls of others, and what is no call, do not exist', async () => {
  const { callId } = await calls.startCall();
  for (const refused of [
    await open(callId, { by: otherAccount() }),
    await open(callId, { by: otherAccount(), ...withKey('theirs') }),
    await open(callId, { by: userOf(calls.deps.data.ids.next()) }),
    await open(crypto.randomUUID()),
    await open('no-call'),
  ]) {
    expect([refused.status, refused.body]).toMatchObject([
      404,
      { success: false, error: { code: 'CALL_NOT_FOUND' } },
    ]);
  }
  expect(await commandsOf(callId)).toEqual([]);
  expect(await shown(callId)).toEqual([]);
});

test('what cannot be a ticket is refused in words, and opens nothing', async () => {
  const { callId } = await calls.startCall();
  for (const [body, field] of [
    [{}, 'title'],
    [{ title: ' ' }, 'title'],
    [{ ...BODY, priority: 'now' }, 'priority'],
    [{ ...BODY, metadata: [] }, 'metadata'],
  ] as const) {
    const refused = await open(callId, { body });
    expect([refused.status, refused.body]).toMatchObject([
      400,
      { error: { code: 'INVALID_REQUEST', details: { fields: [{ field }] } } },
    ]);
  }
  expect(await commandsOf(callId)).toEqual([]);
});

test('a call has twenty at most, however many are asked for at once, and goes on meanwhile', async () => {
  const { callId } = await calls.startCall();
  const asked = Array.from({ length: 30 }, (_, at) => open(callId, at % 2 ? { at: replica } : {}));
  const ended = calls.ask('POST', `${CALLS}/${callId}/end`);
  const answers = await Promise.all(asked);
  expect((await ended).status).toBe(200);
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(20);
  for (const refused of answers.filter(({ status }) => status !== 202)) {
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { success: false, error: { code: 'TOO_MANY', message: expect.stringContaining('20') } },
    ]);
  }
  expect(await commandsOf(callId)).toHaveLength(20);
  expect(await shown(callId)).toHaveLength(20);
});
