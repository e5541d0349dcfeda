import {
  callRpcs,
  callsRealtime,
  createManualClock,
  FRAMES_PER_PAGE,
  type Principal,
  realtimeHeaders,
  realtimeSubject,
  type TicketPrincipal,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeMediaFrames } from '../src/domain/housekeeping/remove-media-frames.ts';
import { removeTickets } from '../src/domain/housekeeping/remove-tickets.ts';
import { CALLS, PATIENT, pathOf, startTestCalls, type TestCalls, ticketOf, userOf } from './support/calls.ts';

const START = '2026-03-01T12:00:00.000Z';
const clock = createManualClock(START);

let calls: TestCalls;
beforeAll(async () => {
  calls = await startTestCalls({ clock });
});
afterAll(() => calls.close());

const stranger = (): Principal => userOf(calls.deps.data.ids.next());
const endCall = (callId: string) => calls.ask('POST', `${CALLS}/${callId}/end`);
const sync = (ids: string[], tickets: string[] = []) =>
  calls.bus.request(callRpcs.sync, { ids, tickets }, PATIENT);

/** Of a ticket that is good: as whom it lets somebody in. */
const redeemed = async (ticket: string, callId: string): Promise<TicketPrincipal> => {
  const answer = await calls.redeem(ticket, pathOf(callId));
  if (!answer.ok) throw new Error(`the ticket is ${answer.reason}`);
  return answer.principal;
};

/** What is said about tickets to the sockets of a call. */
const hearTickets = (callId: string) => {
  const heard: string[] = [];
  const listening = calls.bus.listen(realtimeSubject(callsRealtime.kind, callId), (message) => {
    const ticket = message.header(realtimeHeaders.ticket);
    if (ticket !== undefined) heard.push(`${ticket} ${message.payload.length}`);
  });
  return { heard, stop: () => listening.stop() };
};

describe('a ticket', () => {
  it('opens the socket of its own call, and each use of it ends the connection of the one before', async () => {
    const { callId, ticket } = await calls.startCall();
    const { heard, stop } = hearTickets(callId);
    const first = await redeemed(ticket, callId);
    expect(first).toMatchObject({
      kind: 'ticket',
      resource: { type: 'call', id: callId },
      owner_id: calls.caller.account_id,
      use: 1,
    });
    const uses = await Promise.all(Array.from({ length: 3 }, () => redeemed(ticket, callId)));
    expect(uses.map(({ use }) => use).sort()).toEqual([2, 3, 4]);
    await waitFor(() => heard.length >= 4, { what: 'sockets are told of every use' });
    stop();
    expect(heard.sort()).toEqual([1, 2, 3, 4].map((use) => `${first.ticket_id} ${use} 0`));
  });

  it('opens nothing else: not the call of another, and not another address', async () => {
    const [one, other] = [await calls.startCall(), await calls.startCall()];
    for (const path of [
      pathOf(other.callId),
      pathOf(one.callId.toUpperCase()),
      `${pathOf(one.callId)}/`,
      `${CALLS}/${one.callId}`,
      '',
    ]) {
      expect(await calls.redeem(one.ticket, path)).toEqual({ ok: false, reason: 'other_resource' });
    }
    expect(await calls.redeem('tk_invented', pathOf(one.callId))).toEqual({
      ok: false,
      reason: 'unknown_ticket',
    });
    const principal = await redeemed(one.ticket, one.callId);
    const notFound = { code: 'CALL_NOT_FOUND' };
    await expect(calls.follow(other.callId, 0, principal)).rejects.toMatchObject(notFound);
    // Also one that claims to be of this call, of another account.
    const forged = { ...principal, owner_id: calls.deps.data.ids.next() };
    await expect(calls.follow(one.callId, 0, forged)).rejects.toMatchObject(notFound);
    expect((await calls.follow(one.callId, 0, principal)).frames).toHaveLength(1);
  });

  it('is good for ten minutes, and while a connection lives for five more at least', async () => {
    const { callId, ticket } = await calls.startCall();
    const idle = ticketOf((await calls.ask('POST', `${CALLS}/${callId}/tickets`)).body.data.wsUrl);
    const { ticket_id } = await redeemed(ticket, callId);
    for (let round = 0; round < 8; round += 1) {
      clock.advance(240);
      await sync([callId], [ticket_id]);
    }
    clock.advance(299);
    expect(await redeemed(ticket, callId)).toMatchObject({ use: 2 });
    expect(await calls.redeem(idle, pathOf(callId))).toEqual({ ok: false, reason: 'expired' });
    await endCall(callId);
    await sync([callId], [ticket_id]);
    clock.advance(301);
    expect(await calls.redeem(ticket, pathOf(callId))).toEqual({ ok: false, reason: 'expired' });
  });

  it('can be had anew, also when the call is over, by whoever sees the call', async () => {
    const { callId } = await calls.startCall();
    await endCall(callId);
    const made = await calls.ask('POST', `${CALLS}/${callId}/tickets`);
    expect(made).toMatchObject({
      status: 201,
      headers: { 'cache-control': 'no-store' },
      body: { success: true, data: { expiresAt: new Date(clock.now().getTime() + 600_000).toISOString() } },
    });
    const principal = await redeemed(ticketOf(made.body.data.wsUrl), callId);
    const { frames, is_final } = await calls.follow(callId, 0, principal);
    expect(frames.map(({ type }) => type)).toEqual(['call.initialized', 'call.ended']);
    expect(is_final).toBe(true);
  });

  it('is kept as long as somebody may ask why it was refused', async () => {
    const { callId, ticket } = await calls.startCall();
    const reason = async () => calls.redeem(ticket, pathOf(callId));
    clock.advance(4_200);
    await removeTickets(calls.deps.data);
    expect(await reason()).toEqual({ ok: false, reason: 'expired' });
    clock.advance(1);
    expect(await removeTickets(calls.deps.data)).toBeGreaterThan(0);
    expect(await reason()).toEqual({ ok: false, reason: 'unknown_ticket' });
  });
});

describe('what happened to a call', () => {
  it('is told in order from any sequence on, to whoever may see the call alone', async () => {
    const { callId } = await calls.startCall();
    const leg = calls.driver.leg(callId);
    for (const type of ['ringing', 'answered'] as const) leg.tell({ type });
    leg.tell({ type: 'hungUp', cause: 'remote_hangup' });
    await waitFor(async () => (await calls.follow(callId)).is_final, { what: 'the end of the call' });
    const whole = await calls.follow(callId);
    expect(whole.frames.map(({ type, sequence }) => [type, sequence])).toEqual([
      ['call.initialized', 1],
      ['call.ringing', 2],
      ['call.connected', 3],
      ['call.ended', 4],
    ]);
    expect(await calls.follow(callId, 2)).toEqual({ ...whole, frames: whole.frames.slice(2) });
    expect(await calls.follow(callId, 4)).toEqual({ ...whole, frames: [] });
    expect(await calls.follow(callId, 1_000_000)).toEqual({ ...whole, frames: [] });
    const notFound = { code: 'CALL_NOT_FOUND' };
    for (const by of [stranger(), { kind: 'anon' } as const]) {
      await expect(calls.follow(callId, 0, by)).rejects.toMatchObject(notFound);
    }
    for (const id of ['*', '>', callId.toUpperCase(), 'not-an-id', calls.caller.key_id]) {
      await expect(calls.follow(id)).rejects.toMatchObject(notFound);
    }
    expect(await sync([callId, 'not-an-id', calls.caller.key_id])).toEqual({
      topics: [{ id: callId, last_sequence: 4, is_final: true }],
    });
  });

  it('comes in pages that a message can carry, however much it is', async () => {
    const { callId } = await calls.startCall();
    const sdp = 'a=candidate:"\r\n'.repeat(3_000);
    await calls.rows(
      `INSERT INTO calls.call_frames (call_id, sequence, type, data, at)
       SELECT $1, n, CASE WHEN n <= 13 THEN 'media.answer' ELSE 'call.action' END,
         CASE WHEN n <= 13 THEN $2::json ELSE '{"action":"mute","status":"performed"}' END, $3
       FROM generate_series(2, 600) n`,
      [callId, JSON.stringify({ sdp }), START],
    );
    await calls.rows('UPDATE calls.calls SET last_sequence = 600 WHERE id = $1', [callId]);
    const seen: number[] = [];
    const sizes: number[] = [];
    for (let last = 0; last < 600; ) {
      const page = await calls.bus.request(
        callRpcs.follow,
        { id: callId, since: last, principal: calls.caller },
        PATIENT,
      );
      expect(page).toMatchObject({ last_sequence: 600, is_final: false });
      seen.push(...page.frames.map(({ sequence }) => sequence));
      sizes.push(page.frames.length);
      expect(JSON.stringify(page).length).toBeLessThan(700_000);
      last = page.frames.at(-1)?.sequence ?? Number.POSITIVE_INFINITY;
    }
    expect(seen).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    expect(Math.max(...sizes)).toBe(FRAMES_PER_PAGE);
    await endCall(callId);
  });

  it('loses the negotiation of its audio an hour after its end, and nothing else', async () => {
    const [over, alive] = [await calls.startCall(), await calls.startCall()];
    for (const { callId } of [over, alive]) {
      const leg = calls.driver.leg(callId);
      leg.tell({ type: 'answered' });
      leg.tell({ type: 'answer', sdp: 'v=0\r\n' });
      leg.tell({ type: 'candidate', candidate: null });
      await waitFor(async () => (await calls.follow(callId)).last_sequence === 4, {
        what: 'what the leg told',
      });
    }
    await endCall(over.callId);
    const types = async (callId: string) => (await calls.follow(callId)).frames.map(({ type }) => type);
    const whole = ['call.initialized', 'call.connected', 'media.answer', 'media.candidate'];
    clock.advance(3_600);
    expect(await removeMediaFrames(calls.deps.data)).toBe(0);
    expect(await types(over.callId)).toEqual([...whole, 'media.hangup', 'call.ended']);
    clock.advance(1);
    await removeMediaFrames(calls.deps.data);
    expect(await types(over.callId)).toEqual(['call.initialized', 'call.connected', 'call.ended']);
    expect(await types(alive.callId)).toEqual(whole);
  });
});

describe('a command of which a gateway does not know who takes it', () => {
  const command = (
    callId: string,
    message: { type: string; data: Record<string, unknown> },
    principal: Principal,
  ) =>
    calls.bus.request(callRpcs.commandAny, { id: callId, message, principal, connection_id: 'c-1' }, PATIENT);

  it('goes to the owner, if whoever sends it may follow the call and it is well-formed', async () => {
    const { callId, ticket } = await calls.startCall();
    const leg = calls.driver.leg(callId);
    leg.tell({ type: 'answered' });
    await waitFor(async () => (await calls.follow(callId)).last_sequence === 2, { what: 'the answer' });
    const principal = await redeemed(ticket, callId);
    const mute = { type: 'call.action', data: { action: 'mute' } };
    await command(callId, mute, principal);
    expect(leg.acts).toEqual([{ action: 'mute' }]);
    await expect(command(callId, mute, stranger())).rejects.toMatchObject({ code: 'CALL_NOT_FOUND' });
    await expect(command(callId, { type: 'media.offer', data: { sdp: 5 } }, principal)).rejects.toMatchObject(
      {
        code: 'INVALID_INPUT',
        details: { fields: [{ field: 'data.sdp' }] },
      },
    );
    await command(callId, { type: 'call.end', data: {} }, principal);
    await expect(command(callId, mute, principal)).rejects.toMatchObject({ code: 'CALL_NOT_ACTIVE' });
    expect((await calls.follow(callId)).is_final).toBe(true);
  });
});
