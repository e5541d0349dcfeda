import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { freePort } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import { type AttemptMaker, startAttempts } from './support/attempt.ts';
import { makeAuthority, makeCertificate } from './support/certificates.ts';
import { startReceiver } from './support/receiver.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An egress proxy: resolves names itself (every one is this machine), connects, and passes bytes on. */
const startProxy = async (
  answer: (socket: Socket) => boolean = () => true,
): Promise<{ asked: string[]; proxyUrl: string }> => {
  const asked: string[] = [];
  const server = createServer();
  server.on('connect', (request, socket: Socket) => {
    asked.push(request.url ?? '');
    socket.on('error', () => undefined);
    closing.push(() => socket.destroy());
    if (!answer(socket)) return;
    const port = Number(request.url?.split(':').at(-1));
    const upstream = connect(port, '127.0.0.1', () =>
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n'),
    );
    upstream.on('error', () => socket.destroy());
    upstream.pipe(socket).pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  return { asked, proxyUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const start = (settings: Parameters<typeof startAttempts>[0]): AttemptMaker => {
  const attempts = startAttempts(settings);
  closing.push(() => attempts.close());
  return attempts;
};

const neverAsked = async (): Promise<never> => {
  throw new Error('a name was resolved here, and not by the proxy');
};

test('the proxy connects, by name, and connections through it are used again', async () => {
  const receiver = await startReceiver();
  closing.push(() => receiver.close());
  const { asked, proxyUrl } = await startProxy();
  const attempts = start({ allowPrivate: false, proxyUrl, resolve: neverAsked, connectionsMax: 1 });
  const port = new URL(receiver.url).port;
  for (let time = 1; time <= 3; time += 1) {
    expect(await attempts.attempt(`http://partner.example.com:${port}/hook`)).toMatchObject({
      outcome: 'succeeded',
    });
  }
  expect(asked).toEqual([`partner.example.com:${port}`]);
  expect(receiver.received.map((one) => one.headers.host)).toEqual(
    Array.from({ length: 3 }, () => `partner.example.com:${port}`),
  );
});

test('the receiver is who it is behind the proxy too: its certificate counts', async () => {
  const authority = await makeAuthority('Known Authority');
  const before = getCACertificates('default');
  setDefaultCACertificates([authority.cert]);
  closing.push(() => setDefaultCACertificates(before));
  const server = createHttpsServer(
    await makeCertificate('partner.example.com', { authority }),
    (request, response) => request.resume().on('end', () => response.end('OK')),
  );
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  const { port } = server.address() as AddressInfo;
  const { proxyUrl } = await startProxy();
  const attempts = start({ allowPrivate: false, proxyUrl, resolve: neverAsked });
  expect(
    await attempts.attempt(`https://partner.example.com:${port}/`, { environment: 'production' }),
  ).toMatchObject({ outcome: 'succeeded' });
  expect(await attempts.attempt(`https://other.example.com:${port}/`)).toMatchObject({
    error: 'TLS: the certificate is for another name',
  });
});

test.each([
  ['http://127.0.0.1:8080/', 'loopback address'],
  ['http://2130706433:8080/', 'loopback address'],
  ['http://[::ffff:7f00:1]:8080/', 'loopback address'],
  ['https://10.0.0.1/', 'private address'],
  ['https://169.254.169.254/latest/meta-data/', 'cloud metadata address'],
  ['https://[64:ff9b::a9fe:a9fe]/', 'translated'],
  ['https://metadata.google.internal/', 'cloud metadata address'],
  ['https://localhost/', 'a name of this machine'],
  ['https://db.internal/', 'a name of this machine'],
  ['https://partner.example.com:22/', 'only the ports'],
])('%s is refused before the proxy hears of it: %s', async (url, rule) => {
  const { asked, proxyUrl } = await startProxy();
  for (const environment of ['sandbox', 'production'] as const) {
    const result = await start({ allowPrivate: false, proxyUrl }).attempt(url, { environment });
    expect(result.error).toMatch(/^refused target: /);
    if (!url.startsWith('http:') || environment === 'sandbox') expect(result.error).toContain(rule);
  }
  expect(asked).toEqual([]);
});

test.each([
  [
    'does not want to',
    (socket: Socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'),
    /did not connect: HTTP 403$/,
  ],
  [
    'wants to know who asks',
    (socket: Socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    /did not connect: HTTP 407$/,
  ],
  ['closes the connection', (socket: Socket) => socket.destroy(), /closed the connection$/],
])('a proxy that %s is no fault of the target, and said so', async (_what, answer, words) => {
  const { proxyUrl } = await startProxy((socket) => {
    answer(socket);
    return false;
  });
  const result = await start({ proxyUrl }).attempt('https://partner.example.com/');
  expect(result).toMatchObject({ outcome: 'failed', answer: null });
  expect(result.error).toMatch(/^the egress proxy /);
  expect(result.error).toMatch(words);
});

test('nor is one that is not there', async () => {
  const attempts = start({ proxyUrl: `http://127.0.0.1:${await freePort()}` });
  expect(await attempts.attempt('https://partner.example.com/')).toMatchObject({
    error: 'the egress proxy cannot be reached',
  });
});

test('one that never answers costs the timeout', async () => {
  const { proxyUrl } = await startProxy(() => false);
  const attempts = start({ proxyUrl, timeoutMs: 300 });
  expect(await attempts.attempt('https://partner.example.com/')).toMatchObject({
    error: 'timed out after 300 ms',
  });
});
