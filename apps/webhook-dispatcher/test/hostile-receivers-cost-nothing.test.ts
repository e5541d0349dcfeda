import { once } from 'node:events';
import type { Socket } from 'node:net';
import { systemClock } from '@switchboard/contracts';
import { createIdTracing } from '@switchboard/service-kit';
import { afterEach, expect, test } from 'vitest';
import type { AttemptResult } from '../src/domain/deliveries/types.ts';
import { ANSWER_BYTES_MAX } from '../src/domain/sending/read-answer.ts';
import { createSender } from '../src/domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from '../src/domain/sending/targets.ts';
import { makeDelivery, onUnexpected, testSign } from './support/deliveries.ts';
import { startRawReceiver, startReceiver } from './support/receiver.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const deliver = async (
  url: string,
  options: { timeoutMs?: number; settings?: Partial<TargetSettings>; signal?: AbortSignal } = {},
): Promise<AttemptResult> => {
  const targets = createTargets({ allowPrivate: true, connectionsMax: 20, ...options.settings });
  closing.push(() => targets.close());
  const { timeoutMs = 5_000, signal = new AbortController().signal } = options;
  const send = createSender({
    targets,
    clock: systemClock,
    tracing: createIdTracing(),
    onUnexpected,
    sign: testSign,
    timeoutMs,
  });
  return send(makeDelivery(url), signal);
};

const rawReceiver = async (onRequest: (socket: Socket) => void) => {
  const receiver = await startRawReceiver(onRequest);
  closing.push(() => receiver.close());
  return receiver;
};

/** Writes for as long as somebody reads, and tells how much went out. */
const flood = (socket: Socket, chunk: string, bytesMax: number) => {
  let bytes = 0;
  const pour = () => {
    while (bytes < bytesMax && !socket.destroyed) {
      bytes += chunk.length;
      if (!socket.write(chunk)) return void socket.once('drain', pour);
    }
  };
  pour();
  return () => bytes;
};

test('of an answer of 1 GB the first 16 kB are read and the connection is cut', async () => {
  const oneGigabyte = 2 ** 30;
  let sent = () => 0;
  const cut = Promise.withResolvers<void>();
  const receiver = await rawReceiver((socket) => {
    socket.on('close', () => cut.resolve());
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${oneGigabyte}\r\n\r\n`);
    sent = flood(socket, 'x'.repeat(65_536), oneGigabyte);
  });
  const result = await deliver(receiver.url);
  expect(result).toMatchObject({ outcome: 'succeeded', answer: { status: 200 } });
  expect(result.answer?.body).toBe('x'.repeat(ANSWER_BYTES_MAX));
  await cut.promise;
  // What fits into the sockets' buffers, and no more.
  expect(sent()).toBeLessThan(16 * 1024 * 1024);
});

test('a body that trickles does not hold the slot: its status is the outcome', async () => {
  const receiver = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart');
  });
  const result = await deliver(receiver.url, { timeoutMs: 60_000 });
  expect(result).toMatchObject({ outcome: 'succeeded', answer: { status: 200, body: 'part' } });
});

test.each([
  ['no byte of an answer', () => undefined],
  [
    'a header that never ends',
    (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      const timer = setInterval(() => socket.write('a'), 20);
      socket.on('close', () => clearInterval(timer));
    },
  ],
  [
    'interim answers without end',
    (socket: Socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    },
  ],
])('%s ends with the timeout, in words', async (_what, onRequest) => {
  const receiver = await rawReceiver(onRequest);
  const result = await deliver(receiver.url, { timeoutMs: 300 });
  expect(result).toMatchObject({ outcome: 'failed', answer: null, error: 'timed out after 300 ms' });
});

test.each([
  ['a reset', (socket: Socket) => void socket.resetAndDestroy(), /^connection reset before an answer$/],
  ['a close', (socket: Socket) => void socket.end(), /^connection closed before an answer$/],
  ['rubbish', (socket: Socket) => void socket.end('\u0000\u0001 hello \r\n\r\n'), /^the answer is not HTTP$/],
  [
    'headers without measure',
    (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      flood(socket, `x-more: ${'y'.repeat(1000)}\r\n`, 10_000_000);
    },
    /^the headers of the answer are too large$/,
  ],
  [
    'a switch of protocols',
    (socket: Socket) =>
      void socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    /./,
  ],
])('%s is a failed attempt in words', async (_what, onRequest, words) => {
  const receiver = await rawReceiver(onRequest);
  const result = await deliver(receiver.url);
  expect(result).toMatchObject({ outcome: 'failed', answer: null });
  expect(result.error).toMatch(words);
});

test('an answer that breaks off after its status counts by its status', async () => {
  const receiver = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
  });
  expect(await deliver(receiver.url)).toMatchObject({ outcome: 'succeeded', answer: { status: 200 } });
});

test('bytes that are no text become text that Postgres takes', async () => {
  const receiver = await startReceiver((response) => response.end(Buffer.from([0x61, 0, 0xff, 0x62])));
  closing.push(() => receiver.close());
  expect((await deliver(receiver.url)).answer?.body).toBe('a\ufffd\ufffdb');
});

test('only 2xx succeeds, and a redirect is not followed', async () => {
  const receiver = await startReceiver((response, request) => {
    const status = Number(request.url.slice(1));
    response.writeHead(status, status === 302 ? { location: `http://${request.headers.host}/200` } : {});
    response.end();
  });
  closing.push(() => receiver.close());
  const origin = new URL(receiver.url).origin;
  for (const status of [200, 201, 204, 299]) {
    expect(await deliver(`${origin}/${status}`)).toMatchObject({ outcome: 'succeeded', error: null });
  }
  for (const status of [300, 302, 304, 400, 410, 429, 500, 503]) {
    const result = await deliver(`${origin}/${status}`);
    expect(result).toMatchObject({ outcome: 'failed', error: `HTTP ${status}`, answer: { status } });
  }
  expect(receiver.received.map((one) => one.url)).toEqual(
    [200, 201, 204, 299, 300, 302, 304, 400, 410, 429, 500, 503].map((status) => `/${status}`),
  );
});

test('nobody listening, no such host: said in words', async () => {
  const receiver = await startReceiver();
  await receiver.close();
  expect(await deliver(receiver.url)).toMatchObject({ outcome: 'failed', error: 'connection refused' });
  const noSuchHost = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
  const settings = { resolve: () => Promise.reject(noSuchHost) };
  expect(await deliver('https://gone.example.com/', { settings })).toMatchObject({ error: 'host not found' });
});

test('a target that speaks no TLS is said to', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  expect((await deliver(receiver.url.replace('http:', 'https:'))).error).toMatch(/^TLS: /);
});

test('an attempt that the shutdown cuts off is lost, not failed', async () => {
  const arrived = Promise.withResolvers<void>();
  const receiver = await rawReceiver(() => arrived.resolve());
  const stop = new AbortController();
  const sending = deliver(receiver.url, { signal: stop.signal });
  await arrived.promise;
  stop.abort();
  expect(await sending).toMatchObject({ outcome: 'lost', answer: null });
});

test('deliveries in a row share a connection; one cut off is not used again', async () => {
  const receiver = await startReceiver((response, _request, number) =>
    response.end(number === 2 ? 'x'.repeat(8_000_000) : 'OK'),
  );
  closing.push(() => receiver.close());
  const targets = createTargets({ allowPrivate: true, connectionsMax: 20 });
  closing.push(() => targets.close());
  const send = createSender({
    targets,
    clock: systemClock,
    tracing: createIdTracing(),
    onUnexpected,
    sign: testSign,
    timeoutMs: 5_000,
  });
  for (let number = 1; number <= 8; number += 1) {
    const result = await send(makeDelivery(receiver.url), new AbortController().signal);
    expect(result.outcome).toBe('succeeded');
  }
  const ports = receiver.received.map((one) => one.clientPort);
  expect(new Set(ports).size).toBeLessThan(5);
  expect(ports.slice(2)).not.toContain(ports[1]);
});

test('a proxy gets it all, and does the connecting', async () => {
  const seen: string[] = [];
  const { createServer } = await import('node:http');
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    seen.push(String(request.url));
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closing.push(async () => void proxy.close());
  const address = proxy.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const result = await deliver('https://partner.example.com/hook', {
    settings: { proxyUrl: `http://127.0.0.1:${port}` },
  });
  expect(seen).toEqual(['partner.example.com:443']);
  expect(result.outcome).toBe('failed');
});
