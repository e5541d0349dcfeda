import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { AppError, createManualClock, generateKey, keyPrefixes } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createApiKeyOwner } from './support/owners.ts';
import { sendRaw } from './support/send-raw.ts';
import { createTopicOwner, openSocket, type TopicOwner } from './support/topics.ts';

const ACCOUNT = 'a-1';
const clock = createManualClock();
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let keys: ReturnType<typeof createApiKeyOwner>;
let owner: TopicOwner;
let gateway: TestGateway;
/** A topic with one frame, of ACCOUNT. */
let id: string;
let path: string;

const start = (env: Readonly<Record<string, string>> = {}) =>
  startGateway({
    clock,
    env: { UPSTREAM_WAIT_SECONDS: '0', CREDENTIAL_REFUSALS_PER_MINUTE: '10000', ...env },
  });

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  keys = createApiKeyOwner(bus);
  owner = createTopicOwner(bus);
  gateway = await start({
    REALTIME_SOCKET_BUFFER_BYTES_MAX: String(64 * 1024),
    REALTIME_SOCKETS_PER_CALLER_MAX: '20',
  });
});
beforeEach(() => {
  id = owner.create(ACCOUNT);
  owner.say(id);
  path = `/api/v1/ws/calls/${id}`;
});
type Client = ReturnType<typeof openSocket>;
const opened: Client[] = [];
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.terminate();
  await socketsLeft(0);
});
afterAll(async () => {
  await gateway.close();
  await owner.leave();
  await keys.leave();
  await bus.close();
});

const figure = async (name: string, at = gateway): Promise<number> =>
  Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(await at.metrics())?.[1] ?? 0);
const socketsLeft = (count: number, at = gateway) =>
  waitFor(async () => (await figure('gateway_realtime_sockets', at)) === count, { what: `${count} sockets` });

const connectTo = (query = '', headers = {}, at = gateway, topic = path): Client => {
  const client = openSocket(`${at.url}${topic}${query}`, headers);
  opened.push(client);
  return client;
};
const withTicket = (query = ''): string => `?ticket=${owner.issueTicket(id, ACCOUNT)}${query}`;
const follow = async (at = gateway): Promise<Client> => {
  const client = connectTo(withTicket(), {}, at);
  await waitFor(() => client.frames.length === 1, { what: 'the first frame' });
  return client;
};
const refusalOf = async (client: Client) => {
  const { code } = await client.closed;
  const [frame, ...others] = client.frames;
  expect(others).toEqual([]);
  expect(frame).toMatchObject({ type: 'call.error', sequence: 0 });
  return { close: code, code: frame?.data.code };
};
const lastOf = (client: Client, count: number) =>
  waitFor(() => client.frames.length >= count && client.frames.at(-1), { what: `${count} frames` });

describe('who is not let in is told why, and the connection ends with a code that says so', () => {
  test('no credential, a wrong one, the ticket of another call, a call of somebody else, a bad since', async () => {
    const other = owner.create('a-2');
    const foreign = `?ticket=${owner.issueTicket(other, 'a-2')}`;
    const pair = keys.issue();
    const unauthorized = { close: 4401, code: 'UNAUTHORIZED' };
    expect(await refusalOf(connectTo())).toEqual(unauthorized);
    expect(await refusalOf(connectTo(`?ticket=${generateKey(keyPrefixes.ticket)}`))).toEqual(unauthorized);
    expect(await refusalOf(connectTo(foreign))).toEqual(unauthorized);
    const notFound = { close: 4404, code: 'CALL_NOT_FOUND' };
    expect(await refusalOf(connectTo('', pair.headers))).toEqual(notFound);
    for (const name of ['*', '%3E', 'a.b', '%20', 'x'.repeat(3000), `${id}%00`]) {
      const client = connectTo('', pair.headers, gateway, `/api/v1/ws/calls/${name}`);
      expect(await refusalOf(client)).toEqual(notFound);
    }
    const badRequest = { close: 4400, code: 'INVALID_REQUEST' };
    for (const since of ['x', '-1', '1.5', '99999999999', '1&since=1', '2']) {
      expect(await refusalOf(connectTo(withTicket(`&since=${since}`)))).toEqual(badRequest);
    }
  });

  test('an owner that is away: try again later', async () => {
    await owner.leave();
    const pair = keys.issue();
    expect(await refusalOf(connectTo('', pair.headers))).toEqual({
      close: 1013,
      code: 'SERVICE_UNAVAILABLE',
    });
    await owner.comeBack();
  });

  test('too many sockets of one account, whoever opened them; others are let in', async () => {
    for (let count = 0; count < 20; count += 1) await follow();
    expect(await refusalOf(connectTo(withTicket()))).toEqual({ close: 4429, code: 'RATE_LIMIT_EXCEEDED' });
    id = owner.create('a-2');
    owner.say(id);
    const client = connectTo(
      `?ticket=${owner.issueTicket(id, 'a-2')}`,
      {},
      gateway,
      `/api/v1/ws/calls/${id}`,
    );
    await lastOf(client, 1);
  });

  test('a ticket that is used again and again: its owner is not asked any more', async () => {
    const query = withTicket();
    const codes: number[] = [];
    for (let used = 0; used < 121; used += 1) {
      const client = connectTo(query);
      if (used < 120) await lastOf(client, 1);
      else codes.push((await client.closed).code);
      client.socket.terminate();
    }
    expect(codes).toEqual([4429]);
    clock.advance(60);
    await lastOf(connectTo(query), 1);
  });

  test('a gateway that is full', async () => {
    const small = await start({ REALTIME_SOCKETS_MAX: '1' });
    await follow(small);
    expect(await refusalOf(connectTo(withTicket(), {}, small))).toEqual({
      close: 1013,
      code: 'SERVICE_UNAVAILABLE',
    });
    await small.close();
  });
});

describe('what is no WebSocket', () => {
  test('a plain GET is told to upgrade; an upgrade of another route, or to something else, is an ordinary request', async () => {
    const plain = await fetch(gateway.url + path);
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await plain.json()).toMatchObject({ success: false, error: { code: 'UPGRADE_REQUIRED' } });
    const upgrade = (method: string, where: string, to: string, ...more: string[]) =>
      sendRaw(gateway.port, [
        `${method} ${where} HTTP/1.1`,
        'Host: x',
        'Connection: Upgrade, close',
        `Upgrade: ${to}`,
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...more,
      ]);
    expect(await upgrade('GET', '/livez', 'websocket')).toMatch(/^HTTP\/1.1 200 /);
    expect(await upgrade('GET', '/api/v1/calls/x', 'websocket')).toMatch(/^HTTP\/1.1 401 /);
    expect(await upgrade('GET', '/nowhere', 'websocket')).toMatch(/^HTTP\/1.1 404 /);
    expect(await upgrade('POST', path, 'websocket', 'Content-Length: 0')).toMatch(/^HTTP\/1.1 405 /);
    expect(await upgrade('GET', path, 'h2c')).toMatch(/^HTTP\/1.1 426 /);
    // Bad handshakes and bad addresses end, and nothing hangs.
    expect(await upgrade('GET', path, 'websocket', 'Sec-WebSocket-Version: 99')).toMatch(/^HTTP\/1.1 4\d\d /);
    await waitFor(() => gateway.app.kit.traffic.inFlight === 0, { what: 'all of them to be over' });
  });
});

describe('what a socket sends', () => {
  test('is asked of whoever has the topic in hand, in order; else of any replica; fields may be in data or beside the type', async () => {
    const client = await follow();
    const responder = await owner.hold(id);
    owner.commands.length = 0;
    const action = (digit: string) => ({ action: 'dtmf', dtmfDigit: digit });
    for (const digit of '123456789') client.send({ type: 'call.action', data: action(digit) });
    client.send({ type: 'call.action', ...action('0'), unknown: 1, __proto__: { x: 1 } });
    await waitFor(() => owner.commands.length === 10, { what: 'ten commands' });
    expect(owner.commands.map(({ message }) => message.data)).toEqual([...'1234567890'].map(action));
    expect(owner.commands[0]).toMatchObject({ id, from: 'command', principal: { kind: 'ticket', use: 1 } });
    await responder.stop();
    client.send({ type: 'call.end' });
    await waitFor(() => owner.commands.length === 11, { what: 'the last command' });
    expect(owner.commands[10]).toMatchObject({ from: 'fallback', message: { type: 'call.end', data: {} } });
  });

  test('what is wrong is told to the sender alone, with what it was about and the number of the last frame', async () => {
    const [client, witness] = [await follow(), await follow()];
    owner.refuseCommands(new AppError('CALL_NOT_ACTIVE'));
    const faults = [
      ['nonsense', {}],
      ['[1]', {}],
      ['{"type":1}', {}],
      ['{"type":"no.such","id":7}', { type: 'no.such', id: 7 }],
      ['{"type":"call.action","data":{"action":"fly"},"id":"a"}', { type: 'call.action', id: 'a' }],
      ['{"type":"media.offer","data":null}', { type: 'media.offer' }],
      [`${'['.repeat(30_000)}`, {}],
    ] as const;
    for (const [index, [text, details]] of faults.entries()) {
      client.socket.send(text);
      const frame = await lastOf(client, index + 2);
      expect(frame).toMatchObject({
        type: 'call.error',
        sequence: 1,
        data: { code: 'INVALID_REQUEST', details },
      });
    }
    client.send({ type: 'call.end', id: 'e' });
    const refused = { code: 'CALL_NOT_ACTIVE', details: { type: 'call.end', id: 'e' } };
    expect(await lastOf(client, faults.length + 2)).toMatchObject({ sequence: 1, data: refused });
    owner.refuseCommands(null);
    client.send({ type: 'ping', id: 3 });
    expect(await lastOf(client, faults.length + 3)).toMatchObject({ type: 'pong', data: { id: 3 } });
    expect(witness.frames).toHaveLength(1);
  });

  test('what all sockets of an account ask for is bounded together; those of others are heard', async () => {
    const small = await start({ REALTIME_COMMANDS_PER_CALLER_PER_SECOND: '2' });
    const sockets = [await follow(small), await follow(small)];
    owner.commands.length = 0;
    for (const client of sockets) {
      for (let count = 0; count < 8; count += 1) client.send({ type: 'call.end', id: count });
    }
    await waitFor(
      () => owner.commands.length === 10 && sockets.flatMap(({ frames }) => frames).length === 8,
      {
        what: 'ten commands and six refusals',
      },
    );
    const refused = sockets.flatMap(({ frames }) => frames.filter(({ type }) => type === 'call.error'));
    expect(refused.map(({ data }) => data.code)).toEqual(Array(6).fill('RATE_LIMIT_EXCEEDED'));
    id = owner.create('a-2');
    owner.say(id);
    const other = `/api/v1/ws/calls/${id}`;
    const client = connectTo(`?ticket=${owner.issueTicket(id, 'a-2')}`, {}, small, other);
    await lastOf(client, 1);
    client.send({ type: 'call.end' });
    await waitFor(() => owner.commands.length === 11, { what: 'the command of another account' });
    await small.close();
  });

  test('binary, huge, crumbled and too many messages end the connection: 1003, 1009, 1008, 4429', async () => {
    const [binary, huge, flood, pinging] = [await follow(), await follow(), await follow(), await follow()];
    const crumbled = await follow();
    // Of each part more is kept than its byte, until the last one comes.
    for (let count = 0; count < 1000; count += 1) crumbled.socket.send('x', { fin: false });
    expect((await crumbled.closed).code).toBe(1008);
    binary.socket.send(Buffer.from('{"type":"ping"}'));
    huge.socket.send('x'.repeat(70_000));
    for (let count = 0; count < 300; count += 1) flood.send({ type: 'ping' });
    for (let count = 0; count < 300; count += 1) pinging.socket.ping();
    expect((await binary.closed).code).toBe(1003);
    expect((await huge.closed).code).toBe(1009);
    expect((await flood.closed).code).toBe(4429);
    expect([4429, 1006]).toContain((await pinging.closed).code);
    expect(flood.frames.length).toBeLessThanOrEqual(101);
  });
});

describe('who stays connected', () => {
  const openRaw = async (at = gateway): Promise<Socket> => {
    const socket = connect(at.port, '127.0.0.1');
    const lines = [
      `GET ${path}${withTicket()} HTTP/1.1`,
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    // Rejects when it is cut instead.
    await Promise.race([
      once(socket, 'data'),
      once(socket, 'close').then(() => Promise.reject(new Error('it was cut'))),
    ]);
    return socket;
  };

  test('whoever does not read is dropped with 4408, and keeps no more memory than the bound; others get everything', async () => {
    const reader = await follow();
    const slow = await openRaw();
    await socketsLeft(2);
    slow.pause();
    const data = { padding: 'x'.repeat(30_000) };
    let most = 0;
    let said = 1;
    while (!(await gateway.metrics()).includes('code="4408"')) {
      for (let count = 0; count < 10; count += 1) owner.say(id, { data });
      said += 10;
      await lastOf(reader, said);
      most = Math.max(most, await figure('gateway_realtime_buffered_bytes'));
      expect(said).toBeLessThan(2000);
    }
    expect(most).toBeLessThan(64 * 1024 + 31_000);
    await waitFor(async () => (await figure('gateway_realtime_buffered_bytes')) === 0, {
      what: 'no bytes left',
    });
    // It does not answer the close frame either: its connection is cut.
    await socketsLeft(1);
    expect(reader.sequences()).toHaveLength(said);
    slow.destroy();
  });

  test('peers are pinged every 30 s, and whoever is silent for 60 s is dropped; the idle timeout of HTTP cuts nobody', async () => {
    const strict = await start({ IDLE_TIMEOUT_SECONDS: '1' });
    // A connection may be cut before it is a socket, if this process stands still meanwhile.
    const client = await waitFor(
      async () => {
        const each = connectTo(withTicket(), {}, strict);
        await Promise.race([each.closed, lastOf(each, 1)]);
        return each.frames.length === 1 && each;
      },
      { what: 'a socket' },
    );
    let pings = 0;
    client.socket.on('ping', () => {
      pings += 1;
    });
    const dead = await waitFor(() => openRaw(strict), { what: 'another socket' });
    await socketsLeft(2, strict);
    for (let round = 1; round <= 3; round += 1) {
      clock.advance(30);
      await waitFor(() => pings >= round, { what: `ping ${round}` });
      // What answers this has heard the pong before it.
      client.send({ type: 'ping' });
      expect(await lastOf(client, 1 + round)).toMatchObject({ type: 'pong' });
    }
    await socketsLeft(1, strict);
    dead.destroy();
    // A connection that says nothing is cut while the socket stays as still.
    const idle = connect(strict.port, '127.0.0.1');
    await once(idle, 'close');
    client.send({ type: 'ping' });
    expect(await lastOf(client, 5)).toMatchObject({ type: 'pong' });
    // Nobody is dead because the clock was set, or because this process stood still.
    clock.advance(3_600);
    await waitFor(() => pings === 4, { what: 'a ping after the clock was set' });
    clock.advance(-7_200);
    const stepping = () => {
      clock.advance(5);
      return pings > 4;
    };
    await waitFor(stepping, { what: 'a ping after the clock was set back', intervalMs: 300 });
    client.send({ type: 'ping' });
    expect(await lastOf(client, 6)).toMatchObject({ type: 'pong' });
    await strict.close();
  });

  test('a ticket that opens another connection ends the earlier one with 4409', async () => {
    const query = withTicket();
    const replica = await start();
    const first = connectTo(query);
    await lastOf(first, 1);
    const second = connectTo(query, {}, replica);
    expect((await first.closed).code).toBe(4409);
    const third = connectTo(query, {}, replica);
    expect((await second.closed).code).toBe(4409);
    await lastOf(third, 1);
    owner.say(id);
    expect(await lastOf(third, 2)).toMatchObject({ sequence: 2 });
    await third.close();
    await replica.close();
  });

  test('a key that is revoked ends its sockets with 4401 at once, and nobody else', async () => {
    const pair = keys.issue();
    const account = (await accountOf(pair)) ?? '';
    id = owner.create(account);
    owner.say(id);
    path = `/api/v1/ws/calls/${id}`;
    const byKey = connectTo('', pair.headers);
    const byTicket = connectTo(`?ticket=${owner.issueTicket(id, account)}`);
    await Promise.all([lastOf(byKey, 1), lastOf(byTicket, 1)]);
    await keys.revoke(pair);
    expect((await byKey.closed).code).toBe(4401);
    owner.say(id);
    await lastOf(byTicket, 2);
  });

  const accountOf = async (pair: { headers: Record<string, string> }): Promise<string | undefined> => {
    const before = owner.refusedAccounts.length;
    await connectTo('', pair.headers).closed;
    return owner.refusedAccounts[before];
  };
});

test('a gateway that ends says 1012 to every socket, over its time, and to new ones at once; HTTP waits for none', {
  // Whoever stands still for that time sees all of them end at once.
  retry: 3,
}, async () => {
  const ending = await start();
  const clients = await Promise.all(Array.from({ length: 8 }, () => follow(ending)));
  const begunMs = performance.now();
  const closedMs: number[] = [];
  for (const client of clients) void client.closed.then(() => closedMs.push(performance.now() - begunMs));
  expect(ending.app.kit.traffic.inFlight).toBe(0);
  const drained = ending.realtime.drain(0.8);
  expect(await refusalOf(connectTo(withTicket(), {}, ending))).toMatchObject({ close: 1012 });
  owner.say(id);
  await drained;
  const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
  await ending.close();
  expect(new Set(codes)).toEqual(new Set([1012]));
  expect(Math.max(...closedMs) - Math.min(...closedMs)).toBeGreaterThan(200);
  // Whoever was still there had the frame.
  expect(clients.some(({ frames }) => frames.length === 2)).toBe(true);
});

test('an HTTP/2 client that offers to change over is served', async () => {
  const asked = request(`${gateway.url}/livez`, {
    headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' },
  });
  asked.end();
  const [response] = await once(asked, 'response');
  expect(response.statusCode).toBe(200);
  response.resume();
});
