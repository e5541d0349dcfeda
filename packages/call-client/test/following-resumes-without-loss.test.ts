import {
  type Call,
  type CallClientError,
  closeCodes,
  createCallClient,
  followCall,
} from '@switchboard/call-client';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CallServer, startCallServer } from './support/call-server.ts';

let server: CallServer;
let call: Call;
const timing = {
  firstRetryMs: 20,
  retryMaxMs: 60,
  // Nothing here is to be given up because this process stood still.
  connectTimeoutMs: 60_000,
  commandTimeoutMs: 30_000,
  pingEveryMs: 60_000,
  pongTimeoutMs: 60_000,
  hangUpGraceMs: 100,
};
const client = (changes: Partial<typeof timing> = {}) =>
  createCallClient({
    baseUrl: server.baseUrl,
    apiKey: 'key',
    apiSecret: 'secret',
    timing: { ...timing, ...changes },
  });
const start = (changes: Partial<typeof timing> = {}) =>
  client(changes).startCall({ name: 'Ann', phone: '+1234567890' });
const wsUrl = () => `${server.baseUrl.replace('http', 'ws')}/ws/calls/${server.callId}?ticket=tk`;
const ENDED = { endTime: '2026-01-01T00:05:00.000Z', duration: 300, reason: 'remote_hangup' };

const collect = (followed: Call) => {
  const seen: number[] = [];
  const errors: CallClientError[] = [];
  followed.on('frame', ({ sequence }) => void seen.push(sequence));
  followed.on('error', (error) => void errors.push(error));
  return { seen, errors };
};
const isOpen = () =>
  waitFor(() => call.connection === 'open' && server.sockets.size === 1, { what: 'a socket' });

beforeEach(async () => {
  server = await startCallServer();
});
afterEach(async () => {
  call?.close();
  await server.close();
});

describe('frames', () => {
  test('come once each and in order, however often and for whatever reason connections break', async () => {
    let state = 5;
    // The same run each time (Lehmer's numbers).
    const next = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    server.publish('call.initialized', { name: 'Ann', phone: '+1234567890', callType: 'outbound' });
    server.onConnection = (socket, url) => {
      const chance = next();
      // What was seen already, once more; then a gateway that ends, a proxy that breaks, and one that is full.
      if (chance < 0.2)
        socket.send(
          JSON.stringify({
            type: 'call.ringing',
            sequence: Number(url.searchParams.get('since') ?? 0),
            data: {},
          }),
        );
      if (chance < 0.7) return false;
      if (chance < 0.8) socket.close(closeCodes.serviceRestart);
      else if (chance < 0.9) socket.terminate();
      else socket.close(closeCodes.tryAgainLater);
      return true;
    };
    call = await start();
    const { seen, errors } = collect(call);
    const over = call.whenOver();
    let published = 1;
    while (published < 399 || server.resumedAfter.length <= 20) {
      published += 1;
      server.publish('call.action', { action: 'dtmf', dtmfDigit: '1', status: 'performed' });
      if (next() < 0.1) {
        for (const socket of server.sockets) {
          if (next() < 0.5) socket.terminate();
          else socket.close(next() < 0.5 ? closeCodes.tooSlow : closeCodes.serviceRestart);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, next() * 4));
    }
    server.publish('call.ended', ENDED);
    expect(await over).toEqual({ ...ENDED, status: 'ended' });
    expect(seen).toEqual(Array.from({ length: published + 1 }, (_, index) => index + 1));
    expect(errors).toEqual([]);
    expect([call.status, call.name, call.connection]).toEqual(['ended', 'Ann', 'closed']);
  });

  test('of a later version of the server do no harm', async () => {
    server.publish('call.initialized', { name: 'Ann', phone: '+1', callType: 'audio' });
    server.publish('call.transcribed', { words: 'hello' });
    server.publish('call.ended', { ...ENDED, reason: 'busy' });
    call = followCall(wsUrl(), { timing });
    const { seen } = collect(call);
    expect(await call.whenOver()).toMatchObject({ status: 'failed', reason: 'busy' });
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('a connection', () => {
  test('that went silent is found dead by a ping, and made anew', async () => {
    server.publish('call.initialized');
    call = await start({ pingEveryMs: 400, pongTimeoutMs: 200 });
    await waitFor(() => call.lastSequence === 1 && call.connection === 'open', { what: 'the first frame' });
    server.answersPings = false;
    server.onConnection = () => {
      server.answersPings = true;
      return false;
    };
    await waitFor(() => server.answersPings, { what: 'the silence to be noticed' });
    await waitFor(() => call.connection === 'open', { what: 'the call to be followed again' });
    // More often if this process stood still for as long as a pong may take.
    expect([server.resumedAfter[0], server.resumedAfter.at(-1)]).toEqual([0, 1]);
  });

  test('whose ticket is refused takes a new one, once', async () => {
    const refused: string[] = [];
    server.onConnection = (socket, url) => {
      const ticket = url.searchParams.get('ticket') ?? '';
      if (ticket === 't2') return false;
      refused.push(ticket);
      server.sendPrivate(socket, { code: 'UNAUTHORIZED', message: 'Expired', details: {} });
      socket.close(closeCodes.unauthorized);
      return true;
    };
    call = await start();
    const { errors } = collect(call);
    await isOpen();
    expect([refused, errors]).toEqual([['t1'], []]);

    // A new one that is refused as well says that this call is not to be followed any more.
    for (const socket of server.sockets) socket.close(closeCodes.unauthorized);
    await waitFor(() => call.connection === 'closed', { what: 'the call to be given up' });
    expect(refused).toEqual(['t1', 't3']);
    expect(errors).toMatchObject([{ code: 'UNAUTHORIZED', message: 'Expired' }]);
    await expect(call.mute()).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test.each([
    ['of a call that is not there', closeCodes.notFound, 'CALL_NOT_FOUND'],
    ['that was taken over elsewhere', closeCodes.replaced, 'REPLACED'],
    ['without a way to renew its ticket', closeCodes.unauthorized, 'UNAUTHORIZED'],
  ])('%s is not made again, and says why', async (_what, code, word) => {
    server.onConnection = (socket) => {
      socket.close(code);
      return true;
    };
    call = followCall(wsUrl(), { timing });
    await expect(call.whenOver()).rejects.toMatchObject({ code: word, details: { closeCode: code } });
    expect(server.resumedAfter).toHaveLength(1);
  });

  test('that does not come back is given up in the end', async () => {
    call = await client().followCall(wsUrl(), { timing: { giveUpAfterMs: 200 } });
    await isOpen();
    server.onConnection = (socket) => {
      socket.terminate();
      return true;
    };
    for (const socket of server.sockets) socket.terminate();
    await expect(call.whenOver()).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });
});

describe('a command', () => {
  const performed = (data: object) => server.publish('call.action', { ...data, status: 'performed' });

  test('is done when the call says so, asked again when it was not the moment, and refused in words', async () => {
    call = await start();
    await isOpen();
    let attempts = 0;
    server.onMessage = (socket, { type, id, data }) => {
      attempts += 1;
      const code = data.action === 'transfer' ? 'INVALID_REQUEST' : 'SERVICE_UNAVAILABLE';
      if (attempts > 2 && data.action !== 'transfer') return performed(data);
      server.sendPrivate(socket, { code, message: code, details: { type, id } });
    };
    await call.sendDtmf('5');
    expect(server.messages.map(({ data }) => data.dtmfDigit)).toEqual(['5', '5', '5']);
    await call.hold();
    expect(call.isOnHold).toBe(true);
    await expect(call.transfer('nobody')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(call.sendDtmf('x')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('that was under way when the line broke is repeated if that is harmless, and else in doubt', async () => {
    call = await start({ commandTimeoutMs: 5_000 });
    await isOpen();
    server.onMessage = (socket) => {
      socket.terminate();
      server.onMessage = (_socket, { data }) => performed(data);
    };
    const mute = call.mute();
    // Whatever the server says, the microphone is off.
    expect(call.isMuted).toBe(true);
    await mute;
    expect(server.messages).toHaveLength(2);

    await isOpen();
    server.onMessage = (socket) => socket.terminate();
    await expect(call.sendDtmf('7')).rejects.toMatchObject({ code: 'UNCONFIRMED' });
    await isOpen();
    // The same, but it had been done: the frame is among those that are sent again.
    server.onMessage = (socket, { data }) => {
      socket.terminate();
      setImmediate(() => performed(data));
    };
    await call.sendDtmf('8');
    expect(server.messages.map(({ data }) => data.dtmfDigit)).toEqual([undefined, undefined, '7', '8']);
  });

  test('to hang up needs no socket', async () => {
    call = await start();
    await isOpen();
    server.onConnection = (socket) => {
      socket.terminate();
      return true;
    };
    for (const socket of server.sockets) socket.terminate();
    expect(await call.hangUp()).toMatchObject({ status: 'ended', duration: 9, reason: 'hangup' });
    expect([call.status, call.connection]).toEqual(['ended', 'closed']);
    expect(await call.hangUp()).toMatchObject({ duration: 9 });
    expect(server.requests.map(({ path }) => path)).toEqual(['/calls', `/calls/${server.callId}/end`]);
  });
});

test('a start that is cut off does not start two calls', async () => {
  let refusals = 2;
  server.onRequest = () => {
    refusals -= 1;
    const error = { code: 'SERVICE_UNAVAILABLE', message: 'Not now', details: {} };
    return refusals < 0 ? null : { status: 503, body: { success: false, error } };
  };
  call = await start();
  const keys = server.requests.map(({ idempotencyKey }) => idempotencyKey);
  expect([keys.length, new Set(keys).size]).toEqual([3, 1]);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
});
