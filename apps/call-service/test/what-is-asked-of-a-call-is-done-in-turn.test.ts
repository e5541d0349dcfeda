import { callRpcs, createManualClock } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALLS, PATIENT, startTestCalls, type TestCalls } from './support/calls.ts';

let calls: TestCalls;
const clock = createManualClock();
beforeAll(async () => {
  calls = await startTestCalls({ clock });
});
afterAll(() => calls.close());

const statusOf = async (callId: string): Promise<string> =>
  (await calls.ask('GET', `${CALLS}/${callId}`)).body.data.status;
const startConnected = async (): Promise<string> => {
  const { callId } = await calls.startCall();
  calls.driver.leg(callId).tell({ type: 'answered' });
  await waitFor(async () => (await statusOf(callId)) === 'connected', { what: 'an answer' });
  return callId;
};
const act = (callId: string, body: Record<string, unknown>) =>
  calls.ask('POST', `${CALLS}/${callId}/actions`, { body });
/** As a gateway does for a socket; see `commandAny` for what it does when nobody has the call any more. */
const command = (callId: string, type: string, data: Record<string, unknown>, principal = calls.caller) =>
  calls.bus.request(
    callRpcs.command,
    { id: callId, message: { type, data }, principal, connection_id: 'c1' },
    { id: callId, ...PATIENT },
  );
const commandAny = (callId: string, type: string, data: Record<string, unknown>) =>
  calls.bus.request(
    callRpcs.commandAny,
    { id: callId, message: { type, data }, principal: calls.caller, connection_id: 'c1' },
    PATIENT,
  );
const candidate = (name: string, ufrag: string) => ({
  candidate: { candidate: `candidate:${name} 1 udp 1 127.0.0.1 9 typ host ufrag ${ufrag}`, sdpMid: '0' },
});
const offer = (ufrag: string) => ({ sdp: `v=0\r\na=ice-ufrag:${ufrag}\r\n` });

test('candidates wait for the offer they belong to', async () => {
  const { callId } = await calls.startCall();
  await command(callId, 'media.candidate', candidate('early', 'one'));
  await command(callId, 'media.candidate', candidate('of the next', 'two'));
  await command(callId, 'media.offer', offer('one'));
  await command(callId, 'media.candidate', candidate('late', 'one'));
  const leg = calls.driver.leg(callId);
  const names = () => JSON.stringify(leg.candidates).match(/candidate:[a-z ]+(?= 1 udp)/g);
  expect(names()).toEqual(['candidate:early', 'candidate:late']);
  await command(callId, 'media.offer', offer('two'));
  expect(names()).toEqual(['candidate:early', 'candidate:late', 'candidate:of the next']);
  expect(leg.offers).toHaveLength(2);
  const flood = Array.from({ length: 120 }, (_, at) =>
    command(callId, 'media.candidate', candidate(`n${at}`, 'never')).then(
      () => 'kept',
      (error: { code: string }) => error.code,
    ),
  );
  expect((await Promise.all(flood)).filter((became) => became === 'RATE_LIMIT_EXCEEDED')).toHaveLength(20);
});

test('a muted ring is a muted ring, but nobody can be held who is not there', async () => {
  const { callId } = await calls.startCall();
  expect((await act(callId, { action: 'mute' })).status).toBe(200);
  for (const body of [
    { action: 'hold' },
    { action: 'resume' },
    { action: 'dtmf', dtmfDigit: '1' },
    { action: 'transfer', target: '+1234567890' },
  ]) {
    const refused = await act(callId, body);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'CALL_NOT_ACTIVE']);
    expect(refused.body.error.message).toContain('Nobody has answered yet');
  }
  expect(calls.driver.leg(callId).acts).toEqual([{ action: 'mute' }]);
});

test('keys are pressed in the order in which they were asked for, and a refusal by the far side is on record', async () => {
  const callId = await startConnected();
  const digits = [...'0123456789*#ABCD'];
  calls.driver.onAct = async (action) => {
    // The first ones take longest.
    if (action.action === 'dtmf')
      await new Promise((done) => setTimeout(done, 16 - digits.indexOf(action.dtmfDigit)));
    if (action.action === 'transfer') throw new Error('no');
  };
  await Promise.all(digits.map((dtmfDigit) => command(callId, 'call.action', { action: 'dtmf', dtmfDigit })));
  expect(calls.driver.leg(callId).acts).toEqual(digits.map((dtmfDigit) => ({ action: 'dtmf', dtmfDigit })));
  const refused = await act(callId, { action: 'transfer', target: '+1234567890' });
  expect([refused.status, refused.body.error.code]).toEqual([502, 'CONNECTION_ERROR']);
  calls.driver.onAct = async () => {};
  const { frames } = await calls.follow(callId);
  const acts = frames.filter(({ type }) => type === 'call.action').map(({ data }) => data);
  expect(acts.map(({ dtmfDigit, status }) => `${dtmfDigit ?? ''} ${status}`)).toEqual([
    ...digits.map((digit) => `${digit} performed`),
    ' failed',
  ]);
  expect(await calls.events('calls.action.performed')).toHaveLength(digits.length + 1);
});

test('a hang-up by an action is on record with the end, once', async () => {
  const callId = await startConnected();
  const answers = await Promise.all([
    act(callId, { action: 'hangup' }),
    act(callId, { action: 'hangup' }),
    command(callId, 'call.action', { action: 'hangup' })
      .catch((error: { code: string }) => {
        if (error.code !== 'SERVICE_UNAVAILABLE') throw error;
        return commandAny(callId, 'call.action', { action: 'hangup' });
      })
      .then(
        () => ({ status: 200 }),
        (error: { status: number }) => error,
      ),
  ]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  const { frames } = await calls.follow(callId);
  expect(frames.slice(-2).map(({ type, data }) => [type, data.action ?? data.reason])).toEqual([
    ['call.action', 'hangup'],
    ['call.ended', 'hangup'],
  ]);
  await waitFor(() => calls.driver.leg(callId).end === 'ended');
  expect(await act(callId, { action: 'mute' })).toMatchObject({ status: 409 });
  await expect(command(callId, 'media.offer', offer('x'))).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});

test('what the owner of a call is asked over NATS is asked by somebody who may, and in good order', async () => {
  const callId = await startConnected();
  const stranger = { ...calls.caller, account_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b' };
  await expect(command(callId, 'call.end', {}, stranger)).rejects.toMatchObject({ code: 'CALL_NOT_FOUND' });
  await expect(command(callId, 'media.offer', { sdp: '' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await expect(command(callId, 'call.dance', {})).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(await statusOf(callId)).toBe('connected');
});

test('a call that cannot be dialled has failed, and a call is dialled once', async () => {
  const { driver } = calls;
  const { start } = driver;
  let starts = 0;
  driver.start = async () => {
    starts += 1;
    throw new Error('no line');
  };
  const made = await calls.ask('POST', CALLS, {
    body: { name: 'Nobody', phone: '+1234567890', callType: 'outbound' },
  });
  const { callId } = made.body.data;
  await waitFor(async () => (await statusOf(callId)) === 'failed', { what: 'the call to fail' });
  driver.start = start;
  const { frames } = await calls.follow(callId);
  expect(frames.map(({ type, data }) => [type, data.code ?? data.reason])).toEqual([
    ['call.initialized', undefined],
    ['call.error', 'unreachable'],
    ['call.ended', 'unreachable'],
  ]);
  expect(starts).toBe(1);
  expect(calls.sessions.size).toBeGreaterThan(0);
});
