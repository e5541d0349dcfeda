import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Environment } from '@switchboard/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTargetResolver } from '../src/domain/sending/resolve-name.ts';
import type { TargetSettings } from '../src/domain/sending/targets.ts';
import { startAttempts } from './support/attempt.ts';
import { type NameServer, type Records, startNameServer } from './support/name-server.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

// Loopback plays the public internet where something has to connect (allowPrivate opens it to the sandbox);
// 169.254/16 plays what must stay shut.
const PUBLIC = '93.184.215.14';
const PUBLIC_SIX = '2606:2800:21f:cb07:6820:80da:af6b:8b2c';

/** Names whose owner points them inside, and the rule that each meets. */
const inside: readonly (readonly [string, Records, string])[] = [
  ['loopback.example.com', { a: ['127.0.0.1'] }, 'loopback address'],
  ['loopback-six.example.com', { aaaa: ['::1'] }, 'loopback address'],
  ['one-of-two.example.com', { a: [PUBLIC, '10.0.0.8'] }, 'private address'],
  ['the-other-of-two.example.com', { a: ['10.0.0.8', PUBLIC] }, 'private address'],
  ['six-beside-four.example.com', { a: [PUBLIC], aaaa: ['fd12::1'] }, 'private address'],
  ['four-beside-six.example.com', { a: ['127.0.0.1'], aaaa: [PUBLIC_SIX] }, 'loopback address'],
  ['cname.example.com', { cname: 'localhost', a: ['127.0.0.1'] }, 'loopback address'],
  ['cname-inside.example.com', { cname: 'db.corp.example.com', a: ['192.168.1.5'] }, 'private address'],
  ['mapped.example.com', { aaaa: ['::ffff:127.0.0.1'] }, 'loopback address'],
  ['mapped-hex.example.com', { aaaa: ['::ffff:7f00:1'] }, 'loopback address'],
  ['mapped-metadata.example.com', { aaaa: ['::ffff:a9fe:a9fe'] }, 'cloud metadata address'],
  ['mapped-private.example.com', { aaaa: ['::ffff:10.0.0.1'] }, 'private address'],
  ['compatible.example.com', { aaaa: ['::7f00:1'] }, 'translated'],
  ['compatible-public.example.com', { aaaa: ['::808:808'] }, 'translated'],
  ['siit.example.com', { aaaa: ['::ffff:0:7f00:1'] }, 'translated'],
  ['nat64.example.com', { aaaa: ['64:ff9b::7f00:1'] }, 'translated'],
  ['nat64-metadata.example.com', { aaaa: ['64:ff9b::a9fe:a9fe'] }, 'translated'],
  ['nat64-local.example.com', { aaaa: ['64:ff9b:1::7f00:1'] }, 'translated'],
  ['six-to-four.example.com', { aaaa: ['2002:7f00:1::1'] }, 'translated'],
  ['teredo.example.com', { aaaa: ['2001:0:4136:e378:8000:63bf:80ff:fffe'] }, 'translated'],
  ['ula.example.com', { aaaa: ['fd00::1'] }, 'private address'],
  ['link-local.example.com', { a: ['169.254.10.10'] }, 'link-local address'],
  ['link-local-six.example.com', { aaaa: ['fe80::1'] }, 'link-local address'],
  ['metadata.example.com', { a: ['169.254.169.254'] }, 'cloud metadata address'],
  ['metadata-six.example.com', { aaaa: ['fd00:ec2::254'] }, 'cloud metadata address'],
  ['metadata-azure.example.com', { a: ['168.63.129.16'] }, 'cloud metadata address'],
  ['zero.example.com', { a: ['0.0.0.0'] }, 'unspecified'],
  ['zero-six.example.com', { aaaa: ['::'] }, 'unspecified'],
  ['cgnat.example.com', { a: ['100.64.0.1'] }, 'carrier-grade NAT address'],
  ['benchmark.example.com', { a: ['198.18.0.1'] }, 'benchmarking address'],
  ['documentation.example.com', { a: ['203.0.113.9'] }, 'documentation address'],
  ['multicast.example.com', { a: ['224.0.0.251'] }, 'multicast address'],
  ['broadcast.example.com', { a: ['255.255.255.255'] }, 'reserved address'],
  ['protocols.example.com', { a: ['192.0.0.8'] }, 'reserved address'],
  ['unallocated.example.com', { aaaa: ['4000::1'] }, 'reserved address'],
];
/** What the operator's permission for local work opens, and to the sandbox alone. */
const OPENED = ['loopback address', 'private address'];

const zones = new Map<string, (time: number) => Records>();
for (const [name, records] of inside) zones.set(name, () => records);

let names: NameServer;
let receiver: Receiver;
let port: string;
/** Every address that this process tried to connect to. */
const tried: string[] = [];
const onSocket = (message: unknown) =>
  (message as { socket: Socket }).socket.on('connectionAttempt', (address) => tried.push(address));

beforeAll(async () => {
  names = await startNameServer((name, time) => zones.get(name)?.(time));
  receiver = await startReceiver();
  port = new URL(receiver.url).port;
  subscribe('net.client.socket', onSocket);
});
afterAll(async () => {
  unsubscribe('net.client.socket', onSocket);
  await names?.close();
  await receiver?.close();
});
beforeEach(() => {
  tried.length = 0;
  names.questions.length = 0;
  receiver.received.length = 0;
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const start = (settings: Partial<TargetSettings> & { timeoutMs?: number } = {}) => {
  const attempts = startAttempts({ dnsServers: [names.address], ...settings });
  closing.push(() => attempts.close());
  return attempts;
};
const attempt = async (url: string, environment: Environment, allowPrivate = false) =>
  start({ allowPrivate }).attempt(url, { environment });

test.each(inside)('%s, which is %o, is refused: %s', async (name, _records, rule) => {
  const url = `https://${name}/hook`;
  for (const environment of ['sandbox', 'production'] as const) {
    for (const allowPrivate of [false, true]) {
      if (allowPrivate && environment === 'sandbox' && OPENED.includes(rule)) continue;
      const result = await attempt(url, environment, allowPrivate);
      expect(result).toMatchObject({ outcome: 'failed', answer: null });
      expect(result.error).toMatch(/^refused target: /);
      expect(result.error).toContain(rule);
    }
  }
  expect(tried).toEqual([]);
});

test('a name that leads elsewhere at the next question is asked once for each connection, and the answer that was checked is connected to', async () => {
  zones.set('rebind.example.com', (time) => ({ a: [time === 1 ? '127.0.0.1' : '169.254.169.254'] }));
  const url = `http://rebind.example.com:${port}/hook`;
  const attempts = start({ connectionsMax: 1 });
  expect(await attempts.attempt(url)).toMatchObject({ outcome: 'succeeded' });
  expect(names.questions).toEqual(['A rebind.example.com', 'AAAA rebind.example.com']);
  expect(tried).toEqual(['127.0.0.1']);
  expect(receiver.received[0]?.headers.host).toBe(`rebind.example.com:${port}`);
  // A connection that stands is used, whatever the name says now.
  expect(await attempts.attempt(url)).toMatchObject({ outcome: 'succeeded' });
  expect(tried).toEqual(['127.0.0.1']);
  // A new one is checked anew.
  expect(await start().attempt(url)).toMatchObject({ error: 'refused target: cloud metadata address' });
  expect(tried).toEqual(['127.0.0.1']);
  expect(receiver.received).toHaveLength(2);
});

test('names that change with every question never lead to what is shut', async () => {
  zones.set('dice.example.com', (time) => ({ a: [time % 2 ? '127.0.0.1' : '169.254.1.1'] }));
  const results = await Promise.all(
    Array.from({ length: 20 }, () => start().attempt(`http://dice.example.com:${port}/hook`)),
  );
  const errors = results.map((result) => result.error);
  expect(errors.filter((error) => error === null)).toHaveLength(10);
  expect(errors.filter((error) => error === 'refused target: link-local address')).toHaveLength(10);
  expect(new Set(tried)).toEqual(new Set(['127.0.0.1']));
});

test('an address that comes late is not connected to, because nobody checked it', async () => {
  zones.set('late.example.com', () => ({ a: ['127.0.0.1'] }));
  const silentAboutSix = await startNameServer((name, time) =>
    silentAboutSix.questions.at(-1)?.startsWith('AAAA') ? 'silent' : zones.get(name)?.(time),
  );
  closing.push(() => silentAboutSix.close());
  const attempts = start({ dnsServers: [silentAboutSix.address] });
  expect(await attempts.attempt(`http://late.example.com:${port}/hook`)).toMatchObject({
    outcome: 'succeeded',
  });
  expect(tried).toEqual(['127.0.0.1']);
});

test('the second address is tried when nobody listens at the first, and both were checked', async () => {
  zones.set('two.example.com', () => ({ a: ['127.0.0.9', '127.0.0.1'] }));
  expect(await start().attempt(`http://two.example.com:${port}/hook`)).toMatchObject({
    outcome: 'succeeded',
  });
  expect([...tried].sort()).toEqual(['127.0.0.1', '127.0.0.9']);
});

test('of many addresses a few are tried, and of too many none', async () => {
  const addresses = (count: number) => Array.from({ length: count }, (_, index) => `127.0.1.${index + 1}`);
  zones.set('many.example.com', () => ({ a: addresses(20) }));
  zones.set('endless.example.com', () => ({ a: addresses(120) }));
  expect(await start().attempt(`http://many.example.com:${port}/`)).toMatchObject({
    error: 'connection refused',
  });
  expect(tried).toHaveLength(4);
  const result = await start().attempt(`http://endless.example.com:${port}/`);
  expect(result.error).toMatch(/^host not found/);
  expect(tried).toHaveLength(4);
});

test('a redirect inside is an answer like any other', async () => {
  const redirecting = await startReceiver((response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  );
  closing.push(() => redirecting.close());
  expect(await start().attempt(redirecting.url)).toMatchObject({ outcome: 'failed', error: 'HTTP 302' });
  expect(redirecting.received).toHaveLength(1);
  expect(tried).toEqual(['127.0.0.1']);
});

test.each([
  ['nothing', undefined, 'host not found'],
  ['no address', {}, 'host not found'],
  ['another name without an address', { cname: 'localhost' }, 'host not found'],
  ['a failure', 'failing', 'host not found: the name server failed'],
] as const)('a name that is %s: %s', async (_what, records, words) => {
  zones.set('nowhere.example.com', () => records as Records);
  expect(await start().attempt('https://nowhere.example.com/')).toMatchObject({
    outcome: 'failed',
    error: words,
  });
  expect(tried).toEqual([]);
});

test('with name servers of its own the system is not asked: what /etc/hosts says of localhost counts for nothing', async () => {
  expect(await start().attempt(`http://localhost:${port}/`)).toMatchObject({ error: 'host not found' });
  expect(names.questions).toContain('A localhost');
  const attempts = startAttempts();
  closing.push(() => attempts.close());
  expect(await attempts.attempt(`http://localhost:${port}/`)).toMatchObject({ outcome: 'succeeded' });
});

test('a name server that never answers holds an attempt no longer than its time', async () => {
  zones.set('silent.example.com', () => 'silent');
  // It ends before a look-up does that was begun earlier and has all the time it likes.
  const resolving = createTargetResolver({ servers: [names.address] })('silent.example.com');
  const lookedUp = resolving.then(
    () => 'the name was found',
    () => 'the look-up was given up',
  );
  const attempt = start({ timeoutMs: 300 }).attempt('https://silent.example.com/');
  expect(await Promise.race([lookedUp, attempt])).toMatchObject({
    outcome: 'failed',
    error: 'timed out after 300 ms',
  });
});
