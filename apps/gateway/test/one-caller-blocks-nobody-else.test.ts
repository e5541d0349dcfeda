import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gatewayEvents, keyPrefixes, type RequestRecord } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, headersOf, type KeyOwner, makeKey, type TestPair } from './support/keys.ts';
import { type PartnerService, startPartnerService, startRawUpstream } from './support/upstream.ts';

const HEALTH = '/api/partner/v1/health';
const CONNECTIONS = 4;

let bus: Awaited<ReturnType<typeof connectTestBus>>;
let owner: KeyOwner;
let service: PartnerService;
let gateway: TestGateway;
const sockets: Socket[] = [];

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
});
afterAll(async () => {
  await owner.leave();
  await bus.close();
});
beforeEach(async () => {
  service = await startPartnerService();
  gateway = await startGateway({
    env: {
      PARTNER_SERVICE_URL: service.url,
      UPSTREAM_CONNECTIONS_MAX: String(CONNECTIONS),
      CREDENTIAL_CACHE_SECONDS: '0',
    },
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.close();
  await service.close();
});

/** Begins a POST of unknown length and sends no more than the beginning of its body. */
const sendSlowly = (path: string, { headers }: TestPair): { answer: () => string } => {
  let answer = '';
  const socket = connect(gateway.port, '127.0.0.1', () => {
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.authorization}\r\nX-API-Secret: ${headers['x-api-secret']}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
    );
  });
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  sockets.push(socket);
  return { answer: () => answer };
};

const isAnswered = async (pair: TestPair): Promise<boolean> => {
  const response = await fetch(gateway.url + HEALTH, {
    headers: pair.headers,
    signal: AbortSignal.timeout(30_000),
  });
  await response.body?.cancel();
  return response.ok;
};

test('bodies that come slowly hold no connection to the service: others are answered', async () => {
  const slow = owner.issue();
  for (let i = 0; i < CONNECTIONS * 3; i += 1) sendSlowly('/api/partner/v1/companies/create', slow);
  await waitFor(
    async () => (await gateway.metrics()).includes('http_requests_in_flight{service="gateway"} 12'),
    {
      what: 'all of them to be received',
    },
  );
  expect(await isAnswered(owner.issue())).toBe(true);
});

test('a caller may stream some large bodies at a time, and is told so when there are more', async () => {
  const slow = owner.issue();
  const uploads = Array.from({ length: 33 }, () => sendSlowly('/api/partner/v1/calls/analyze', slow));
  const refused = await waitFor(
    () => uploads.find((upload) => upload.answer().includes('SERVICE_UNAVAILABLE')),
    {
      what: 'one upload to be refused',
    },
  );
  expect(refused.answer()).toMatch(/^HTTP\/1\.1 503 /);
  expect(refused.answer().toLowerCase()).toContain('retry-after: 1');
  expect(uploads.filter((upload) => upload.answer() !== '')).toHaveLength(1);
});

test('wrong guesses from an address lock out no pair that is known to be good there', async () => {
  const good = owner.issue();
  expect(await isAnswered(good)).toBe(true);
  const guess = () =>
    fetch(gateway.url + HEALTH, {
      headers: headersOf(makeKey(keyPrefixes.partnerSandbox), makeKey(keyPrefixes.partnerSecret)),
    });
  const statuses: number[] = [];
  for (let i = 0; i < 31; i += 1) statuses.push((await guess()).status);
  expect(statuses.at(-1)).toBe(429);
  // Its cache entry is never fresh here (CREDENTIAL_CACHE_SECONDS=0), so the owner is asked each time.
  for (let i = 0; i < 3; i += 1) expect(await isAnswered(good)).toBe(true);
});

describe('an answer that its caller does not read', () => {
  const DOWNLOAD = '/api/partner/v1/test/download';
  const EVENTS = '/api/partner/v1/test/events';
  const routes = [DOWNLOAD, EVENTS, HEALTH].map((path) =>
    testRoute(path, ['partner_key'], { surface: 'partner', limitGroup: 'partner' }),
  );
  const open = (unreadSeconds: number) =>
    startGateway({
      routes,
      unreadSeconds,
      env: { PARTNER_SERVICE_URL: files.url, UPSTREAM_CONNECTIONS_MAX: String(CONNECTIONS) },
    });
  const LARGE = Buffer.alloc(19 * 1024 * 1024, 'z');
  let files: Awaited<ReturnType<typeof startRawUpstream>>;
  let quiet: ServerResponse | null = null;
  let begun = 0;

  beforeEach(async () => {
    begun = 0;
    files = await startRawUpstream((request, response) => {
      if (request.url === EVENTS) {
        quiet = response;
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      } else if (request.url === DOWNLOAD) {
        begun += 1;
        response.end(LARGE);
      } else response.end('{}');
    });
    await gateway.close();
    gateway = await open(1);
  });
  afterEach(() => files.close());

  /** Asks for a large file and takes the beginning of it, or nothing at all. */
  const download = ({ headers }: TestPair, name: string): { closed: () => boolean; socket: Socket } => {
    let closed = false;
    const socket = connect({ port: gateway.port, host: '127.0.0.1' }, () => {
      socket.write(
        `GET ${DOWNLOAD} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${name}\r\nAuthorization: ${headers.authorization}\r\nX-API-Secret: ${headers['x-api-secret']}\r\n\r\n`,
      );
    });
    socket.pause();
    socket.on('close', () => {
      closed = true;
    });
    socket.on('error', () => {});
    sockets.push(socket);
    return { closed: () => closed, socket };
  };

  test('is cut off after a while: its connection to the service is there for others, and quiet streams go on', async () => {
    const records: RequestRecord[] = [];
    const listening = bus.subscribe(
      gatewayEvents.requestCompleted,
      ({ requests }) => void records.push(...requests),
      { partition: 'partner-service' },
    );
    const reader = owner.issue();
    const stream = await fetch(gateway.url + EVENTS, { headers: reader.headers });
    const events = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await events?.read()).toMatchObject({ value: 'data: 1\n\n' });

    const idle = owner.issue();
    const names = Array.from({ length: CONNECTIONS }, (_, i) => `unread-${i}`);
    const unread = names.map((name) => download(idle, name));
    await waitFor(() => begun >= CONNECTIONS - 1, { what: 'all connections to be taken' });
    // Not before those who hold them are cut off, and those who wait in line after them.
    expect(await isAnswered(owner.issue())).toBe(true);
    await waitFor(() => names.every((name) => records.some((record) => record.request_id === name)), {
      what: 'the records of all of them',
    });
    const cut = records.filter(({ request_id }) => names.includes(request_id));
    expect(cut.map(({ status }) => status)).toEqual(names.map(() => 499));
    for (const { socket } of unread) socket.resume();
    await waitFor(() => unread.every(({ closed }) => closed()), { what: 'the ends of their connections' });

    quiet?.end('data: 2\n\n');
    expect(await events?.read()).toMatchObject({ value: 'data: 2\n\n' });
    listening.stop();
  });

  test('is no other than one that is read a little at a time: that comes whole', async () => {
    // This process is the reader too, and may stand still for more than a second.
    await gateway.close();
    gateway = await open(60);
    const { headers } = owner.issue();
    const answer = await fetch(gateway.url + DOWNLOAD, { headers });
    let bytes = 0;
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bytes).toBe(LARGE.length);
  });
});
