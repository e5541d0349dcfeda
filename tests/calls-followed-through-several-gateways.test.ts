import { type Frame as ClientFrame, followCall } from '@switchboard/call-client';
import { startService, type TestService, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Balancer, startBalancer } from './support/balancer.ts';
import { type CallSocket, type Frame, openCallSocket, socketAt } from './support/call-socket.ts';
import { type CallsClient, createCallsClient, keyHeaders, type StartedCall } from './support/calls-client.ts';
import { type ApiKeyCredentials, type Platform, startPlatform } from './support/platform.ts';

/*
 * Three gateways before one call-service: any of them starts a call, any of them follows it, and whichever is killed, ended
 * or cut off in the middle, whoever follows gets every frame once and in order.
 */
let platform: Platform;
/** What the addresses of sockets point to. */
let balancer: Balancer;
let credentials: ApiKeyCredentials;
let gateways: readonly [TestService, TestService, TestService];
/** Through the third gateway. */
let client: CallsClient;
const opened: CallSocket[] = [];

beforeAll(async () => {
  balancer = await startBalancer();
  platform = await startPlatform(
    { 'call-service': { PUBLIC_URL: balancer.url } },
    { without: ['partner-service', 'ticket-service', 'ai-service', 'webhook-dispatcher'] },
  );
  const [second, third] = await Promise.all([
    startService('gateway', platform.environmentOf('gateway')),
    startService('gateway', platform.environmentOf('gateway')),
  ]);
  await Promise.all([second.waitReady(), third.waitReady()]);
  gateways = [platform.services.gateway, second, third];
  credentials = await platform.createApiKey({ rate_limit_per_minute: 10_000 });
  client = createCallsClient(third.url, credentials);
}, 180_000);
afterAll(async () => {
  await Promise.all(opened.map((socket) => socket.close()));
  await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
  await platform?.stop();
  await balancer?.stop();
});

/** With the ticket of `wsUrl`, as a browser does. */
const followByTicket = ({ url }: TestService, { wsUrl }: StartedCall, since?: number): CallSocket => {
  const socket = openCallSocket(socketAt(url, wsUrl, since));
  opened.push(socket);
  return socket;
};

/** On the bare path, as a server does. */
const followByKey = ({ url }: TestService, { wsUrl }: StartedCall, since?: number): CallSocket => {
  const address = new URL(socketAt(url, wsUrl, since));
  address.searchParams.delete('ticket');
  const socket = openCallSocket(address.href, keyHeaders(credentials));
  opened.push(socket);
  return socket;
};

const sequencesOf = (frames: readonly Pick<Frame, 'sequence'>[]): number[] =>
  frames.map(({ sequence }) => sequence);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const lastOf = ({ frames }: CallSocket): number => frames.at(-1)?.sequence ?? 0;
const digitsOf = (frames: readonly { readonly data: object }[]): string =>
  frames.map(({ data }) => ('dtmfDigit' in data ? data.dtmfDigit : '')).join('');

test('sockets at two gateways get the same bytes in the same order, of a call that began at a third', async () => {
  const [first, second] = gateways;
  const call = await client.start('+15550100');
  const byTicket = followByTicket(first, call);
  const byKey = followByKey(second, call);
  await Promise.all([byTicket.waitForFrame('call.connected'), byKey.waitForFrame('call.connected')]);

  // From every side at once.
  const asked = Array.from('0123456789', (digit, index) => {
    if (index % 3 === 0) return client.press(call.callId, digit);
    const socket = index % 3 === 1 ? byTicket : byKey;
    socket.send({ type: 'call.action', data: { action: 'dtmf', dtmfDigit: digit } });
    return null;
  });
  await Promise.all(asked);
  await waitFor(() => digitsOf(byTicket.frames).length === 10, { what: 'ten digits' });
  byKey.send({ type: 'call.end' });
  await Promise.all([byTicket.waitForFrame('call.ended'), byKey.waitForFrame('call.ended')]);

  expect(byKey.texts).toEqual(byTicket.texts);
  expect(sequencesOf(byTicket.frames)).toEqual(upTo(byTicket.frames.length));
  expect(Array.from(digitsOf(byTicket.frames)).sort().join('')).toBe('0123456789');
  expect(byTicket.frames.map(({ type }) => type).filter((type) => type !== 'call.action')).toEqual([
    'call.initialized',
    'call.ringing',
    'call.connected',
    'call.ended',
  ]);
  // Whoever comes when all is over reads the same, or what is left of it.
  const late = followByKey(second, call);
  await late.waitForFrame('call.ended');
  expect(late.texts).toEqual(byTicket.texts);
  const rest = followByKey(first, call, 4);
  await rest.waitForFrame('call.ended');
  expect(rest.texts).toEqual(byTicket.texts.slice(4));
  for (const socket of [byTicket, byKey, late, rest]) expect((await socket.waitForClose()).code).toBe(1000);
});

test('a gateway that is killed costs no frame: the client goes on at another one where it was', async () => {
  const [first, second] = gateways;
  balancer.sendTo([second.url, first.url]);
  const call = await client.start();
  const witness = followByKey(first, call);
  const frames: ClientFrame[] = [];
  const follower = followCall(call.wsUrl, { timing: { firstRetryMs: 50, commandTimeoutMs: 60_000 } });
  try {
    follower.on('frame', (frame) => frames.push(frame));
    await waitFor(() => follower.status === 'connected', { what: 'the client to see the call connected' });
    for (const digit of '123') await client.press(call.callId, digit);
    // In the middle: some of these reach it before the end of the gateway, some after.
    const pressing = Array.from('456789', (digit) => client.press(call.callId, digit));
    await second.kill();
    await Promise.all(pressing);
    await waitFor(() => digitsOf(frames).length === 9, { what: 'the client to know all digits' });
    // It may have read them all before it saw its gateway end.
    await waitFor(() => follower.connection === 'open', { what: 'the client to be connected' });
    await follower.hangUp();
    await witness.waitForFrame('call.ended');
    expect(frames).toEqual(witness.frames);
    expect(sequencesOf(frames)).toEqual(upTo(frames.length));
  } finally {
    follower.close();
  }
  await second.restart();
  await second.waitReady();
}, 120_000);

test('a gateway that ends in order says so to every socket: 1012, go on elsewhere', async () => {
  const [first, second] = gateways;
  const call = await client.start();
  const witness = followByKey(first, call);
  const sockets = [followByTicket(second, call), followByKey(second, call), followByKey(second, call)];
  await Promise.all(sockets.map((socket) => socket.waitForFrame('call.connected')));
  // As long as it takes: cut off, it would say nothing.
  const ending = second.stop(60_000);
  for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(1012);
  await ending;
  await client.press(call.callId, '1');
  const after = followByTicket(first, call, lastOf(sockets[0] as CallSocket));
  await client.end(call.callId);
  await Promise.all([after.waitForFrame('call.ended'), witness.waitForFrame('call.ended')]);
  expect([...(sockets[0]?.texts ?? []), ...after.texts]).toEqual(witness.texts);
  await second.restart();
  await second.waitReady();
}, 120_000);

test('NATS goes and comes back in the middle: nobody is thrown out, and nothing is missing or told twice', async () => {
  const [first, second] = gateways;
  const call = await client.start();
  const sockets = [followByTicket(first, call), followByKey(second, call)];
  await Promise.all(sockets.map((socket) => socket.waitForFrame('call.connected')));
  await client.press(call.callId, '1');
  await platform.nats.kill();
  // What happens meanwhile is written down, and told when it can be.
  await client.end(call.callId);
  expect(sockets.map(({ closed }) => closed)).toEqual([null, null]);
  await platform.nats.restart();
  await Promise.all(sockets.map((socket) => socket.waitForFrame('call.ended', 60_000)));
  const [left, right] = sockets;
  expect(left?.texts).toEqual(right?.texts);
  expect(sequencesOf(left?.frames ?? [])).toEqual(upTo(left?.frames.length ?? 0));
  for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(1000);

  const next = await client.start();
  const follower = followByTicket(second, next);
  await follower.waitForFrame('call.connected');
  await client.end(next.callId);
  await follower.waitForFrame('call.ended');
}, 120_000);
