import { createHmac } from 'node:crypto';
import { createManualClock, type UserPrincipal } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { iceServersFor } from '../src/domain/ice-servers.ts';
import { CALLS, startTestCalls, type TestCalls, type TestReplica, userOf } from './support/calls.ts';

const START = '2026-03-01T12:00:00.000Z';
const TURN_SECRET = 'shared-with-the-turn-server';
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const clock = createManualClock(START);

let calls: TestCalls;
let replica: TestReplica;
beforeAll(async () => {
  calls = await startTestCalls({
    clock,
    calls: { activePerAccountMax: 8 },
    media: {
      iceServers: ['stun:stun.example.com:3478', 'turn:turn.example.com:3478', 'turns:turn.example.com:5349'],
      turnSecret: TURN_SECRET,
    },
  });
  replica = await calls.startReplica();
});
afterAll(() => calls.close());

const GUIDE_BODY = { name: 'Customer Name', phone: '+1234567890', callType: 'inbound' };
const otherKey = () => ({ ...calls.caller, key_id: calls.deps.data.ids.next() });
const otherAccount = () => ({ ...otherKey(), account_id: calls.deps.data.ids.next() });
const frameTypes = async (callId: string) => (await calls.follow(callId)).frames.map(({ type }) => type);
const countOf = async (callId: string, table: string) =>
  (
    await calls.rows<{ n: number }>(`SELECT count(*)::int AS n FROM calls.${table} WHERE call_id = $1`, [
      callId,
    ])
  )[0]?.n;
const eventsOf = async (callId: string, name: string) =>
  (await calls.events<{ call_id: string }>(`calls.call.${name}`)).filter(({ call_id }) => call_id === callId);

describe('starting a call', () => {
  it('answers as the guide says, with an address that a browser can open as it is', async () => {
    const made = await calls.ask('POST', CALLS, {
      body: {
        ...GUIDE_BODY,
        name: '  Customer Name ',
        phone: '+1 (234) 567-890',
        sbcType: 'any',
        metadata: { order: [1, null] },
      },
    });
    expect(made.status).toBe(201);
    expect(made.headers['cache-control']).toBe('no-store');
    const { callId, wsUrl, iceServers, ...rest } = made.body.data;
    expect(callId).toMatch(UUID_V4);
    expect(wsUrl).toMatch(
      new RegExp(
        `^wss://calls\\.example\\.com/switchboard/api/v1/ws/calls/${callId}\\?ticket=tk_[0-9A-Za-z]{36}$`,
      ),
    );
    expect(rest).toEqual({ status: 'initializing' });
    const username = `${Date.parse(START) / 1000 + 14_400}:${callId}`;
    expect(iceServers).toEqual([
      { urls: ['stun:stun.example.com:3478'] },
      {
        urls: ['turn:turn.example.com:3478', 'turns:turn.example.com:5349'],
        username,
        credential: createHmac('sha1', TURN_SECRET).update(username).digest('base64'),
      },
    ]);
    const shown = await calls.ask('GET', `${CALLS}/${callId}`);
    expect(shown.body).toEqual({
      success: true,
      data: {
        callId,
        customerName: 'Customer Name',
        ani: '+1234567890',
        callType: 'inbound',
        startTime: START,
        endTime: null,
        duration: null,
        status: 'initializing',
        actions: [],
        connectedTime: null,
        reason: null,
        metadata: { order: [1, null] },
        isMuted: false,
        isOnHold: false,
        sequence: 1,
        supportTickets: [],
      },
    });
    expect((await calls.follow(callId)).frames).toEqual([
      {
        type: 'call.initialized',
        callId,
        sequence: 1,
        timestamp: START,
        data: { name: 'Customer Name', phone: '+1234567890', callType: 'inbound' },
      },
    ]);
    expect(await eventsOf(callId, 'initialized')).toMatchObject([
      { call_id: callId, account_id: calls.caller.account_id, sequence: 1, at: START },
    ]);
    const { request } = await waitFor(() => calls.driver.legs.get(callId), { what: 'the call is dialled' });
    expect(request).toMatchObject({ callId, phone: '+1234567890', callType: 'inbound' });
    expect(JSON.stringify(await calls.rows('SELECT * FROM calls.call_tickets'))).not.toContain('tk_');
    await calls.ask('POST', `${CALLS}/${callId}/end`);
  });

  it('tells browsers of no TURN server that they have no password for: they would throw', () => {
    const use = { callId: '1', expiresAt: clock.now() };
    const iceServers = ['turn:turn.example.com:3478', 'stun:stun.example.com:3478'];
    expect(iceServersFor({ iceServers, turnSecret: undefined }, use)).toEqual([
      { urls: ['stun:stun.example.com:3478'] },
    ]);
    expect(iceServersFor({ iceServers: [], turnSecret: TURN_SECRET }, use)).toEqual([]);
  });

  it('names every faulty field, in the dialect of the guide', async () => {
    const faulty = await calls.ask('POST', CALLS, {
      body: { name: ' ', phone: '12', callType: 'fax', metadata: [] },
    });
    expect(faulty.status).toBe(400);
    expect(faulty.body).toMatchObject({ success: false, error: { code: 'INVALID_REQUEST' } });
    const fields = faulty.body.error.details.fields.map(({ field }: { field: string }) => field);
    expect(fields).toEqual(['name', 'phone', 'callType', 'metadata']);
    expect((await calls.ask('POST', CALLS)).body.error).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is refused in the words of the guide while nothing can carry it, and while this process is full', async () => {
    const start = () => calls.ask('POST', CALLS, { body: GUIDE_BODY, by: otherAccount() });
    calls.driver.up = false;
    const down = await start();
    calls.driver.up = true;
    expect(down.status).toBe(502);
    expect(down.body).toMatchObject({ success: false, error: { code: 'CONNECTION_ERROR', details: {} } });
    const at = await calls.startReplica({ activeMax: 1 });
    await calls.startCall({}, { at });
    const full = await calls.ask('POST', CALLS, { body: GUIDE_BODY, at });
    expect(full).toMatchObject({ status: 503, body: { error: { code: 'SERVICE_UNAVAILABLE' } } });
  });

  it('takes not one call more of an account than it may have at a time, whatever comes at once', async () => {
    const by = otherAccount();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        calls.ask('POST', CALLS, { body: GUIDE_BODY, by, at: n % 2 === 0 ? calls : replica }),
      ),
    );
    const taken = answers.filter(({ status }) => status === 201);
    expect(taken).toHaveLength(8);
    const refused = answers.find(({ status }) => status !== 201);
    expect(refused).toMatchObject({
      status: 429,
      body: { success: false, error: { code: 'RATE_LIMIT_EXCEEDED', details: { limit: 8 } } },
    });
    expect(refused?.headers['retry-after']).toBeDefined();
    const start = () => calls.ask('POST', CALLS, { body: GUIDE_BODY, by });
    expect((await start()).status).toBe(429);
    const callId = taken[0]?.body.data.callId;
    await calls.ask('POST', `${CALLS}/${callId}/end`, { by });
    expect((await start()).status).toBe(201);
  });
});

describe('a request to start a call that is repeated', () => {
  const by = userOf('0192f0c1-2b3c-7d4e-8f50-617283940a1b');
  const start = (key: string, fields: object = {}, at: TestReplica = calls, who: UserPrincipal = by) =>
    calls.ask('POST', CALLS, {
      body: { ...GUIDE_BODY, ...fields },
      headers: { 'idempotency-key': key },
      at,
      by: who,
    });

  it('starts one call, also when it comes to two replicas at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => start('at-once', {}, n % 2 === 0 ? calls : replica)),
    );
    const [first] = answers;
    for (const { status, body } of answers)
      expect({ status, body }).toEqual({ status: 201, body: first?.body });
    expect(answers.filter(({ headers }) => headers['idempotent-replay'] === 'true')).toHaveLength(7);
    const callId = first?.body.data.callId;
    await waitFor(() => calls.driver.legs.has(callId) || replica.driver.legs.has(callId));
    expect([calls, replica].filter(({ driver }) => driver.legs.has(callId))).toHaveLength(1);
    expect(await eventsOf(callId, 'initialized')).toHaveLength(1);
    expect(await countOf(callId, 'call_tickets')).toBe(1);
    expect(JSON.stringify(await calls.rows('SELECT * FROM calls.idempotency_records'))).not.toContain('tk_');
  });

  it('is refused with another body, and is nothing to another account', async () => {
    await start('other-body');
    const other = await start('other-body', { name: 'Somebody else' });
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'DUPLICATE_REQUEST' } } });
    const theirs = await start('other-body', {}, calls, userOf(calls.deps.data.ids.next()));
    expect(theirs.status).toBe(201);
    expect(theirs.headers['idempotent-replay']).toBeUndefined();
  });

  it('gets an address that works, however late it comes, and even if the telephone side is down by then', async () => {
    const { callId, wsUrl } = (await start('late')).body.data;
    const ticket = new URL(wsUrl).searchParams.get('ticket') ?? '';
    const opens = () => calls.redeem(ticket, `/api/v1/ws/calls/${callId}`);
    clock.advance(601);
    expect(await opens()).toEqual({ ok: false, reason: 'expired' });
    await calls.rows('DELETE FROM calls.call_tickets WHERE call_id = $1', [callId]);
    calls.driver.up = false;
    const again = await start('late');
    calls.driver.up = true;
    expect(again.body.data).toMatchObject({ callId, wsUrl });
    expect(await opens()).toMatchObject({ ok: true, principal: { owner_id: by.user_id } });
  });
});

describe('ending a call', () => {
  it('needs no body and no content type, and answers the same again', async () => {
    const { callId } = await calls.startCall();
    calls.driver.leg(callId).tell({ type: 'ringing' });
    await waitFor(async () => (await frameTypes(callId)).includes('call.ringing'));
    clock.advance(300.9);
    const ended = await calls.ask('POST', `${CALLS}/${callId}/end`);
    expect(ended).toMatchObject({
      status: 200,
      body: {
        success: true,
        data: { callId, status: 'ended', endTime: clock.now().toISOString(), duration: 300 },
      },
    });
    clock.advance(60);
    const again = await calls.ask('POST', `${CALLS}/${callId}/end`, {
      headers: { 'content-type': 'application/json' },
      by: otherKey(),
    });
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: ended.body });
    const shown = await calls.ask('GET', `${CALLS}/${callId}`);
    expect(shown.body.data).toMatchObject({ status: 'ended', reason: 'hangup', duration: 300 });
    await waitFor(() => calls.driver.leg(callId).end === 'ended', { what: 'the far end is hung up' });
  });

  it('happens once, whoever ends it at the same time on whichever replica', async () => {
    const { callId } = await calls.startCall();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        calls.ask('POST', `${CALLS}/${callId}/end`, { at: n % 2 === 0 ? calls : replica }),
      ),
    );
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await eventsOf(callId, 'ended')).toHaveLength(1);
    expect((await frameTypes(callId)).filter((type) => type === 'call.ended')).toHaveLength(1);
    await waitFor(() => calls.driver.leg(callId).end === 'ended', { what: 'its owner hangs up' });
  });

  it('needs neither its owner nor NATS', async () => {
    const at = await calls.startReplica();
    const { callId } = await calls.startCall({}, { at });
    await at.bus.close();
    const ended = await calls.ask('POST', `${CALLS}/${callId}/end`, { at: replica });
    expect(ended).toMatchObject({ status: 200, body: { data: { status: 'ended' } } });
    const other = await calls.startCall();
    expect((await calls.ask('POST', `${CALLS}/${other.callId}/end`, { at })).status).toBe(200);
    expect(await eventsOf(other.callId, 'ended')).toHaveLength(1);
  });

  it('answers of a call that failed as of one that ended', async () => {
    const { callId } = await calls.startCall();
    clock.advance(2);
    calls.driver.leg(callId).tell({ type: 'hungUp', cause: 'busy' });
    await waitFor(async () => (await frameTypes(callId)).includes('call.ended'));
    const ended = await calls.ask('POST', `${CALLS}/${callId}/end`);
    expect(ended.body.data).toEqual({
      callId,
      status: 'failed',
      endTime: clock.now().toISOString(),
      duration: 2,
    });
    expect(await frameTypes(callId)).toEqual(['call.initialized', 'call.error', 'call.ended']);
    expect(await eventsOf(callId, 'failed')).toHaveLength(1);
  });
});

describe('what is done in a call', () => {
  it('is done by its owner, whichever replica is asked, and is on record', async () => {
    const { callId } = await calls.startCall();
    calls.driver.leg(callId).tell({ type: 'answered' });
    await waitFor(async () => (await frameTypes(callId)).includes('call.connected'));
    const act = (body: object, at: TestReplica = calls) =>
      calls.ask('POST', `${CALLS}/${callId}/actions`, { body, at });
    expect(await act({ action: 'mute' }, replica)).toMatchObject({
      status: 200,
      body: { success: true, data: { callId, status: 'connected', action: 'mute', actionSuccess: true } },
    });
    await act({ action: 'dtmf', dtmfDigit: '#' });
    expect(calls.driver.leg(callId).acts).toEqual([{ action: 'mute' }, { action: 'dtmf', dtmfDigit: '#' }]);
    const { data } = (await calls.ask('GET', `${CALLS}/${callId}`)).body;
    expect(data).toMatchObject({ isMuted: true, isOnHold: false, sequence: 4 });
    const timestamp = clock.now().toISOString();
    expect(data.actions).toEqual([
      { type: 'mute', timestamp, status: 'performed' },
      { type: 'dtmf', timestamp, status: 'performed', dtmfDigit: '#' },
    ]);
    const faults = async (body: object) => {
      const { status, body: answer } = await act(body);
      return [
        status,
        answer.error.code,
        answer.error.details.fields?.map(({ field }: { field: string }) => field),
      ];
    };
    expect(await faults({ action: 'dtmf' })).toEqual([400, 'INVALID_REQUEST', ['dtmfDigit']]);
    expect(await faults({ action: 'dtmf', dtmfDigit: '12' })).toEqual([
      400,
      'INVALID_REQUEST',
      ['dtmfDigit'],
    ]);
    expect(await faults({ action: 'explode' })).toEqual([400, 'INVALID_REQUEST', ['action']]);
    expect(await act({ action: 'hangup' }, replica)).toMatchObject({
      status: 200,
      body: { data: { status: 'ended' } },
    });
    expect(await faults({ action: 'mute' })).toEqual([409, 'CALL_NOT_ACTIVE', undefined]);
  });
});

describe('while Postgres is away', () => {
  it('everybody who asks learns that another try may help, and nothing happens twice', async () => {
    const { callId, ticket } = await calls.startCall();
    const start = await calls.stopDatabase();
    const databaseError = { status: 503, body: { success: false, error: { code: 'DATABASE_ERROR' } } };
    const create = () =>
      calls.ask('POST', CALLS, { body: GUIDE_BODY, headers: { 'idempotency-key': 'while-away' } });
    try {
      expect(await create()).toMatchObject(databaseError);
      expect(await calls.ask('GET', `${CALLS}/${callId}`)).toMatchObject(databaseError);
      expect(await calls.ask('POST', `${CALLS}/${callId}/end`)).toMatchObject(databaseError);
      const code = { code: 'DATABASE_ERROR' };
      await expect(calls.follow(callId)).rejects.toMatchObject(code);
      await expect(calls.redeem(ticket, `/api/v1/ws/calls/${callId}`)).rejects.toMatchObject(code);
    } finally {
      await start();
    }
    await waitFor(async () => (await create()).status === 201, { what: 'a call is started' });
    expect((await create()).headers['idempotent-replay']).toBe('true');
    expect((await calls.ask('POST', `${CALLS}/${callId}/end`)).status).toBe(200);
    expect(await eventsOf(callId, 'ended')).toHaveLength(1);
  });
});

describe('calls of others', () => {
  it('are not there: not by their id, nor by what is no id', async () => {
    const { callId } = await calls.startCall();
    const routes = (id: string) =>
      [
        ['GET', `${CALLS}/${id}`],
        ['POST', `${CALLS}/${id}/end`],
        ['POST', `${CALLS}/${id}/actions`],
        ['POST', `${CALLS}/${id}/tickets`],
      ] as const;
    const strangers = [
      otherAccount(),
      userOf(calls.deps.data.ids.next()),
      userOf(calls.caller.key_id, { business_id: 'Example Ltd' }),
    ];
    for (const by of strangers) {
      for (const [method, path] of routes(callId)) {
        const answer = await calls.ask(method, path, {
          by,
          ...(path.endsWith('actions') ? { body: { action: 'mute' } } : {}),
        });
        expect(answer).toMatchObject({
          status: 404,
          body: { success: false, error: { code: 'CALL_NOT_FOUND' } },
        });
      }
    }
    for (const id of [
      '1',
      '%27',
      'x'.repeat(300),
      callId.replaceAll('-', ''),
      `{${callId}}`,
      calls.caller.key_id,
    ]) {
      for (const [method, path] of routes(id)) {
        const answer = await calls.ask(method, path, {
          ...(path.endsWith('actions') ? { body: { action: 'mute' } } : {}),
        });
        expect(answer).toMatchObject({ status: 404, body: { error: { code: 'CALL_NOT_FOUND' } } });
      }
    }
    expect(await frameTypes(callId)).toEqual(['call.initialized']);
  });

  it('are those of the account for its people, and for its other keys', async () => {
    const { callId } = await calls.startCall();
    const person = userOf(calls.deps.data.ids.next(), { business_id: calls.caller.account_id });
    for (const by of [otherKey(), person]) {
      expect((await calls.ask('GET', `${CALLS}/${callId.toUpperCase()}`, { by })).status).toBe(200);
    }
    await calls.ask('POST', `${CALLS}/${callId}/end`, { by: person });
  });
});
