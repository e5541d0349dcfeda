import { connect, type Socket } from 'node:net';
import { keyPrefixes } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, headersOf, type KeyOwner, makeKey, type TestPair } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

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
    signal: AbortSignal.timeout(5_000),
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
