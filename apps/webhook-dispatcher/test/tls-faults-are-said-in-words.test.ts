import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer, type Server, type ServerOptions } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { AttemptResult } from '../src/domain/deliveries/types.ts';
import { type AttemptMaker, startAttempts } from './support/attempt.ts';
import { type Certificate, daysFromNow, makeAuthority, makeCertificate } from './support/certificates.ts';

const run = promisify(execFile);
const HOST = 'partner.example.com';

let known: Certificate;
let unknown: Certificate;
let good: Certificate;
const before = getCACertificates('default');

beforeAll(async () => {
  [known, unknown] = await Promise.all([
    makeAuthority('Known Authority'),
    makeAuthority('Unknown Authority'),
  ]);
  good = await makeCertificate(HOST, { authority: known });
  setDefaultCACertificates([known.cert]);
});
afterAll(() => setDefaultCACertificates(before));

/** Begun before all else, since it takes five seconds: who takes the connection and never says a word of TLS. */
let mute: { readonly attempt: Promise<AttemptResult>; readonly close: () => Promise<void> };
beforeAll(async () => {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const attempts = startAttempts({ resolve: async () => ['127.0.0.1'], timeoutMs: 55_000 });
  mute = {
    attempt: attempts.attempt(`https://${HOST}:${(server.address() as AddressInfo).port}/hook`),
    async close() {
      await attempts.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
});
afterAll(() => mute.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const listen = async (server: TcpServer): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => void server.close());
  return (server.address() as AddressInfo).port;
};

const startTls = async (options: ServerOptions): Promise<{ port: number; server: Server }> => {
  const server = createHttpsServer(options, (request, response) =>
    request.resume().on('end', () => response.end('OK')),
  );
  server.on('tlsClientError', () => undefined);
  const port = await listen(server);
  closing.push(() => server.closeAllConnections());
  return { port, server };
};

const start = (settings: Parameters<typeof startAttempts>[0] = {}): AttemptMaker => {
  const attempts = startAttempts({ resolve: async () => ['127.0.0.1'], ...settings });
  closing.push(() => attempts.close());
  return attempts;
};

const attemptAt = (port: number) => start().attempt(`https://${HOST}:${port}/hook`);

const faults: readonly (readonly [string, string, () => Promise<ServerOptions>])[] = [
  ['self-signed', 'TLS: the certificate is self-signed', () => makeCertificate(HOST)],
  [
    'expired',
    'TLS: the certificate has expired',
    () => makeCertificate(HOST, { authority: known, from: daysFromNow(-9), until: daysFromNow(-1) }),
  ],
  [
    'of tomorrow',
    'TLS: the certificate is not valid yet',
    () => makeCertificate(HOST, { authority: known, from: daysFromNow(1), until: daysFromNow(9) }),
  ],
  [
    'for another name',
    'TLS: the certificate is for another name',
    () => makeCertificate('other.example.com', { authority: known }),
  ],
  [
    'of an unknown authority',
    'TLS: the certificate is of an unknown issuer, or its chain is incomplete',
    () => makeCertificate(HOST, { authority: unknown }),
  ],
  [
    'of an unknown authority that is sent with it',
    'TLS: the certificate chain ends in a self-signed certificate',
    async () => {
      const { key, cert } = await makeCertificate(HOST, { authority: unknown });
      return { key, cert: `${cert}\n${unknown.cert}` };
    },
  ],
  [
    'good, with TLS 1.1 at most',
    'TLS: the target does not speak TLS that fits',
    async () => ({ ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
  ],
];

test.each(faults)('a certificate that is %s is a failed attempt: %s', async (_what, words, options) => {
  const { port } = await startTls(await options());
  expect(await attemptAt(port)).toMatchObject({ outcome: 'failed', answer: null, error: words });
});

test('a certificate of a known authority for that name is all that is asked for', async () => {
  const { port, server } = await startTls(good);
  const names: unknown[] = [];
  server.on('secureConnection', (socket) => names.push(socket.servername));
  expect(await attemptAt(port)).toMatchObject({ outcome: 'succeeded', answer: { body: 'OK' } });
  expect(names).toEqual([HOST]);
});

test('an authority of the operator comes in through NODE_EXTRA_CA_CERTS', async () => {
  const { port } = await startTls(await makeCertificate(HOST, { authority: unknown }));
  const dir = await mkdtemp(join(tmpdir(), 'webhook-tls-'));
  closing.push(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, 'authority.pem');
  await writeFile(file, unknown.cert);
  const script = `
    import { startAttempts } from ${JSON.stringify(new URL('./support/attempt.ts', import.meta.url).href)};
    const attempts = startAttempts({ resolve: async () => ['127.0.0.1'] });
    const { outcome, error } = await attempts.attempt('https://${HOST}:${port}/hook');
    console.log(JSON.stringify({ outcome, error }));
    await attempts.close();`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: file },
  });
  expect(JSON.parse(stdout)).toEqual({ outcome: 'succeeded', error: null });
});

test('plain http where TLS should be', async () => {
  const port = await listen(
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    }),
  );
  expect(await attemptAt(port)).toMatchObject({ error: 'TLS: the target does not speak TLS that fits' });
});

test('a handshake that is reset', async () => {
  const port = await listen(
    createTcpServer((socket) => void socket.once('data', () => socket.resetAndDestroy())),
  );
  expect(await attemptAt(port)).toMatchObject({ error: 'connection reset before an answer' });
});

test('a handshake that never ends costs the timeout, and holds up nothing else on its way to the same place', async () => {
  const { port: behind } = await startTls(good);
  let connections = 0;
  const port = await listen(
    createTcpServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      closing.push(() => socket.destroy());
      if (connections === 1) return;
      const upstream = connect(behind, '127.0.0.1').on('error', () => undefined);
      socket.pipe(upstream).pipe(socket);
    }),
  );
  const attempts = start();
  const url = `https://${HOST}:${port}/hook`;
  const stop = new AbortController();
  let hangs = true;
  const hanging = attempts.attempt(url, {}, stop.signal).finally(() => {
    hangs = false;
  });
  await waitFor(() => connections === 1, { what: 'the one that hangs to connect' });
  const others = await Promise.all([attempts.attempt(url), attempts.attempt(url)]);
  expect(others.map((one) => one.outcome)).toEqual(['succeeded', 'succeeded']);
  expect(hangs).toBe(true);
  stop.abort();
  await hanging;
  const mutePort = await listen(createTcpServer((socket) => void closing.push(() => socket.destroy())));
  expect(await start({ timeoutMs: 300 }).attempt(`https://${HOST}:${mutePort}/hook`)).toMatchObject({
    outcome: 'failed',
    error: 'timed out after 300 ms',
  });
});

test('a connection that does not stand after five seconds is given up, however long an answer may take', async () => {
  const { outcome, error, durationMs } = await mute.attempt;
  expect({ outcome, error }).toEqual({ outcome: 'failed', error: 'connecting timed out after 5000 ms' });
  expect(durationMs).toBeGreaterThanOrEqual(4_500);
});
