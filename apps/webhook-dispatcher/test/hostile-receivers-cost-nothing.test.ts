import { once } from 'node:events';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { freePort, waitFor } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import type { AttemptResult } from '../src/domain/deliveries/types.ts';
import { ANSWER_BYTES_MAX } from '../src/domain/sending/read-answer.ts';
import type { TargetSettings } from '../src/domain/sending/targets.ts';
import { type AttemptMaker, startAttempts } from './support/attempt.ts';
import { startRawConnections, startRawReceiver, startReceiver } from './support/receiver.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const start = (settings: Parameters<typeof startAttempts>[0] = {}): AttemptMaker => {
  const attempts = startAttempts(settings);
  closing.push(() => attempts.close());
  return attempts;
};

const deliver = (
  url: string,
  options: { timeoutMs?: number; settings?: Partial<TargetSettings>; signal?: AbortSignal } = {},
): Promise<AttemptResult> => {
  const { settings, signal, ...rest } = options;
  return start({ ...settings, ...rest }).attempt(url, {}, signal);
};

const rawReceiver = async (onRequest: (socket: Socket) => void) => {
  const receiver = await startRawReceiver(onRequest);
  closing.push(() => receiver.close());
  return receiver;
};

/** It asks to keep the connection for long, so that a pause before the next request is no reason for a new one. */
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nkeep-alive: timeout=600\r\n\r\nOK';

/** As above, with every connection and its number. */
const startConnections = async (onConnection: (socket: Socket, connection: number) => unknown) => {
  const receiver = await startRawConnections(onConnection);
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
    /^the answer switches to another protocol$/,
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
  const nobody = `http://127.0.0.1:${await freePort()}/`;
  expect(await deliver(nobody)).toMatchObject({ outcome: 'failed', error: 'connection refused' });
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
  const attempts = start();
  for (let number = 1; number <= 8; number += 1) {
    const result = await attempts.attempt(receiver.url);
    expect(result.outcome).toBe('succeeded');
  }
  const ports = receiver.received.map((one) => one.clientPort);
  expect(new Set(ports).size).toBeLessThan(5);
  expect(ports.slice(2)).not.toContain(ports[1]);
});

test('a receiver that closes idle connections fails no attempt: it goes out once more, on a connection of its own', async () => {
  for (const close of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.resetAndDestroy()]) {
    let requests = 0;
    const receiver = await startConnections((socket, connection) => {
      let mine = 0;
      socket.on('data', () => {
        requests += 1;
        mine += 1;
        // The first connection answers once, and is closed in the moment that the next request arrives.
        if (connection === 1 && mine === 2) close(socket);
        else socket.write(OK);
      });
    });
    const attempts = start({ connectionsMax: 1 });
    for (let number = 1; number <= 3; number += 1) {
      expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'succeeded' });
    }
    expect([receiver.connections(), requests]).toEqual([2, 4]);
  }
});

test('but once: who closes every connection under its second request is found out', async () => {
  let requests = 0;
  const receiver = await startConnections((socket, connection) => {
    let mine = 0;
    socket.on('data', () => {
      requests += 1;
      mine += 1;
      if (connection === 1 && mine === 1) socket.write(OK);
      else socket.destroy();
    });
  });
  const attempts = start({ connectionsMax: 1 });
  expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'succeeded' });
  expect(await attempts.attempt(receiver.url)).toMatchObject({
    outcome: 'failed',
    error: 'connection closed before an answer',
  });
  expect([receiver.connections(), requests]).toEqual([2, 3]);
});

test('half an answer on a connection that was used before is a failed attempt: the receiver has seen it', async () => {
  let requests = 0;
  const receiver = await startConnections((socket) => {
    socket.on('data', () => {
      requests += 1;
      if (requests === 1) socket.write(OK);
      else socket.end('HTTP/1.1 200 OK\r\ncontent-le');
    });
  });
  const attempts = start({ connectionsMax: 1 });
  expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'succeeded' });
  expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'failed', answer: null });
});

const bigBody = JSON.stringify({ data: 'x'.repeat(8_000_000) });

test.each([
  ['as soon as somebody connects', (socket: Socket) => socket.resetAndDestroy()],
  ['in the middle of a request', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
  [
    'in the middle of the status line',
    (socket: Socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 20', () => socket.resetAndDestroy())),
  ],
  [
    'in the middle of the headers',
    (socket: Socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nx-a: b', () => socket.resetAndDestroy())),
  ],
  [
    'after an interim answer',
    (socket: Socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 102 Processing\r\n\r\n', () => socket.resetAndDestroy()),
      ),
  ],
])('a reset %s is one failed attempt in words', async (_when, onConnection) => {
  const receiver = await startConnections(onConnection);
  const result = await start().attempt(receiver.url, { body: bigBody });
  expect(result).toMatchObject({ outcome: 'failed', answer: null });
  expect(result.error).toMatch(/^connection (reset|closed) before an answer$/);
  expect(receiver.connections()).toBe(1);
});

test('who never reads a long body costs the timeout, and the connection is cut', async () => {
  const connected = Promise.withResolvers<Socket>();
  const receiver = await startConnections((socket) => connected.resolve(socket.pause()));
  const attempts = start({ timeoutMs: 300 });
  // A process that stands still may use up its time before it connects.
  do {
    const result = await attempts.attempt(receiver.url, { body: bigBody });
    expect(result).toMatchObject({ outcome: 'failed', answer: null, error: 'timed out after 300 ms' });
  } while (receiver.connections() === 0);
  const socket = await connected.promise;
  // Only who reads sees the end.
  await once(socket.resume(), 'close');
});

test('an answer that comes before the body was read counts', async () => {
  const receiver = await startConnections((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
  });
  expect(await start().attempt(receiver.url, { body: bigBody })).toMatchObject({
    outcome: 'failed',
    error: 'HTTP 413',
  });
});

test('headers that come byte by byte, and end, are an answer', async () => {
  const receiver = await startConnections((socket) => {
    socket.once('data', () => {
      const bytes = [...OK];
      const timer = setInterval(() => {
        const byte = bytes.shift();
        if (byte === undefined) clearInterval(timer);
        else socket.write(byte);
      }, 1);
    });
  });
  expect(await start().attempt(receiver.url)).toMatchObject({ outcome: 'succeeded' });
});

test.each([
  ['100 Continue', 'the answer began with 100 Continue, which nobody asked for', 30_000],
  ['102 Processing', 'timed out after 500 ms', 500],
])('%s without end, as fast as it can, costs no memory: %s', async (interim, words, timeoutMs) => {
  const receiver = await rawReceiver((socket) =>
    flood(socket, `HTTP/1.1 ${interim}\r\n\r\n`.repeat(500), 2 ** 40),
  );
  const before = process.memoryUsage().rss;
  expect(await start({ timeoutMs }).attempt(receiver.url)).toMatchObject({
    outcome: 'failed',
    error: words,
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
});

test('two thousand headers are kept if they are short, and one of 20 kB is too large', async () => {
  const many = Array.from({ length: 2_000 }, (_, index) => `a${index % 10}: \r\n`).join('');
  const receiver = await rawReceiver((socket) =>
    socket.end(`HTTP/1.1 200 OK\r\n${many}content-length: 0\r\n\r\n`),
  );
  expect(await deliver(receiver.url)).toMatchObject({ outcome: 'succeeded' });
  const large = await rawReceiver((socket) =>
    socket.end(`HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(20_000)}\r\ncontent-length: 0\r\n\r\n`),
  );
  expect(await deliver(large.url)).toMatchObject({ error: 'the headers of the answer are too large' });
});

test('a header by the name of __proto__ is a header', async () => {
  const receiver = await rawReceiver((socket) =>
    socket.end(
      'HTTP/1.1 200 OK\r\n__proto__: a\r\n__proto__: b\r\nconstructor: c\r\ncontent-length: 0\r\n\r\n',
    ),
  );
  const result = await deliver(receiver.url);
  expect(result).toMatchObject({ outcome: 'succeeded' });
  expect(JSON.stringify(result.answer?.headers)).toBe(
    '{"__proto__":["a","b"],"constructor":"c","content-length":"0"}',
  );
});

test('a compressed bomb is not inflated: what is kept are its bytes', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  const receiver = await startReceiver((response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  );
  closing.push(() => receiver.close());
  const result = await deliver(receiver.url);
  expect(result).toMatchObject({ outcome: 'succeeded' });
  expect(result.answer?.body).toBe(new TextDecoder().decode(bomb).replaceAll('\0', '\ufffd'));
  expect(receiver.received[0]?.headers['accept-encoding']).toBeUndefined();
});

test('twenty floods at a time leave the memory flat', async () => {
  const receiver = await rawReceiver((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n');
    flood(socket, 'x'.repeat(65_536), 2 ** 30);
  });
  const attempts = start();
  await attempts.attempt(receiver.url);
  const before = process.memoryUsage().rss;
  for (let round = 1; round <= 3; round += 1) {
    const results = await Promise.all(Array.from({ length: 20 }, () => attempts.attempt(receiver.url)));
    expect(results.every((one) => one.answer?.body.length === ANSWER_BYTES_MAX)).toBe(true);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(120 * 2 ** 20);
});

test('an answer that was sent before its question is not taken for the next one', async () => {
  const receiver = await startConnections((socket) => {
    socket.on('data', () =>
      socket.write(
        'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      ),
    );
  });
  const attempts = start({ connectionsMax: 1 });
  for (let number = 1; number <= 4; number += 1) {
    expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'failed', error: 'HTTP 500' });
  }
});

test.each([
  ['204 with a body', 'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello', 'succeeded'],
  ['304 with a length', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n', 'failed'],
  ['no length, and an end', 'HTTP/1.0 200 OK\r\n\r\nhello', 'succeeded'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'failed',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd', 'failed'],
  ['a length below nothing', 'HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabcd', 'failed'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'failed'],
  ['another version', 'HTTP/3.7 200 OK\r\n\r\n', 'failed'],
  ['another protocol', '220 mail.example.com ESMTP\r\n', 'failed'],
])('an answer with %s', async (_what, answer, outcome) => {
  const receiver = await rawReceiver((socket) => socket.end(answer));
  const result = await deliver(receiver.url);
  expect(result.outcome).toBe(outcome);
  if (outcome === 'failed')
    expect(result.error).toMatch(/^(the answer is not (HTTP|as long as it says)|HTTP 304)$/);
});

test('what hangs at one place holds up nothing else that goes there, and leaves no connection behind', async () => {
  const open = new Set<Socket>();
  const receiver = await startConnections((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.once('data', (bytes) => {
      if (!String(bytes).startsWith('POST /hangs')) socket.end(OK);
    });
  });
  const attempts = start({ connectionsMax: 100 });
  const stop = new AbortController();
  const hanging = Array.from({ length: 40 }, () => attempts.attempt(`${receiver.url}hangs`, {}, stop.signal));
  // They hang for as long as this one may take.
  expect(await attempts.attempt(receiver.url)).toMatchObject({ outcome: 'succeeded' });
  stop.abort();
  for (const result of await Promise.all(hanging)) expect(result.outcome).toBe('lost');
  await waitFor(() => open.size === 0, { what: 'every connection to be closed' });
});

test('an attempt ends at its time though no name is resolved, and is not sent when it is', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  const resolved = Promise.withResolvers<string[]>();
  const attempts = start({ timeoutMs: 200, resolve: () => resolved.promise, connectionsMax: 1 });
  const url = receiver.url.replace('127.0.0.1', 'partner.example.com');
  const result = await attempts.attempt(url);
  expect(result).toMatchObject({ outcome: 'failed', error: 'timed out after 200 ms' });
  resolved.resolve(['127.0.0.1']);
  const never = new AbortController().signal;
  expect(await attempts.attempt(`${url}/next`, {}, never, 30_000)).toMatchObject({ outcome: 'succeeded' });
  expect(receiver.received.map((one) => one.url)).toEqual(['/webhook/callback/next']);
});
