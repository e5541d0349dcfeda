import { type Bus, BusError } from '@switchboard/bus';
import {
  createManualClock,
  eventSubject,
  gatewayEvents,
  type RequestRecord,
  streamForDomain,
} from '@switchboard/contracts';
import { createMetrics, createSilentLog } from '@switchboard/service-kit';
import { resetNats, startNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRequestLog } from '../src/index.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, headersOf, type KeyOwner, makeKey } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let gateway: TestGateway;
let bus: Bus;
const records: RequestRecord[] = [];

beforeAll(async () => {
  await resetNats();
  service = await startPartnerService();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  bus.subscribe(gatewayEvents.requestCompleted, ({ requests }) => void records.push(...requests), {
    partition: 'partner-service',
  });
  gateway = await startGateway({ env: { PARTNER_SERVICE_URL: service.url } });
});
afterAll(async () => {
  await gateway.close();
  await owner.leave();
  await bus.close();
  await service.close();
});

const recordOf = async (id: string): Promise<RequestRecord> => {
  await waitFor(() => records.some((record) => record.request_id === id), { what: `the record of ${id}` });
  const found = records.find((record) => record.request_id === id);
  if (!found) throw new Error(id);
  return found;
};
let sent = 0;
const send = async (
  path: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
  at = gateway,
) => {
  sent += 1;
  const id = `request-${sent}`;
  const response = await fetch(at.url + path, {
    ...init,
    headers: { ...init.headers, 'x-request-id': id, 'user-agent': 'test/1' },
  });
  await response.body?.cancel();
  return recordOf(id);
};

describe('every request of a routed surface leaves a record', () => {
  test('a good one', async () => {
    const pair = owner.issue();
    const record = await send('/api/partner/v1/companies/create', {
      method: 'POST',
      headers: { ...pair.headers, 'content-type': 'application/json', 'x-idempotency-key': 'k-1' },
      body: JSON.stringify({ name: 'A', contact_email: 'a@b.co' }),
    });
    expect(record).toMatchObject({
      method: 'POST',
      endpoint: '/api/partner/v1/companies/create',
      status: 201,
      error_code: null,
      credential_kind: 'partner_key',
      credential_id: pair.keyId,
      ip: '127.0.0.1',
      user_agent: 'test/1',
      idempotency_key: 'k-1',
    });
    expect(record.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(record.duration_ms).toBeGreaterThan(0);
  });

  test('one that another service answers too: the log of a key is in one place', async () => {
    const pair = owner.issue();
    // No dispatcher is there to answer.
    const lonely = await startGateway({
      env: { WEBHOOK_DISPATCHER_URL: 'http://127.0.0.1:9', UPSTREAM_WAIT_SECONDS: '0' },
    });
    expect(
      await send('/api/partner/v1/webhooks/deliveries?limit=1', { headers: pair.headers }, lonely),
    ).toMatchObject({
      endpoint: '/api/partner/v1/webhooks/deliveries',
      status: 503,
      credential_id: pair.keyId,
    });
    await lonely.close();
  });

  test('refused ones, with the reason that their caller saw', async () => {
    const pair = owner.issue({ permissions: ['jobs.read'], limitPerMinute: 3 });
    const health = '/api/partner/v1/health';
    expect(await send(health)).toMatchObject({
      status: 401,
      error_code: 'UNAUTHORIZED',
      credential_id: null,
    });
    const unknown = headersOf(makeKey('pk_sandbox_'), makeKey('sk_'));
    expect(await send(health, { headers: unknown })).toMatchObject({
      status: 401,
      error_code: 'UNAUTHORIZED',
      credential_kind: 'partner_key',
      credential_id: null,
    });
    expect(await send('/api/partner/v1/companies', { headers: pair.headers })).toMatchObject({
      status: 403,
      error_code: 'INSUFFICIENT_PERMISSIONS',
      credential_id: pair.keyId,
    });
    expect(await send('/api/partner/v1/nothing', { headers: pair.headers })).toMatchObject({
      status: 404,
      error_code: 'NOT_FOUND',
      endpoint: '/api/partner/v1',
      credential_kind: 'partner_key',
      credential_id: pair.keyId,
      counted: true,
    });
    expect(await send(health, { method: 'DELETE' })).toMatchObject({
      status: 405,
      error_code: 'METHOD_NOT_ALLOWED',
      endpoint: health,
    });
    expect(await send('/api/partner/v1/jobs/%zz/status')).toMatchObject({ status: 400 });
    await send(health, { headers: pair.headers });
    await send(health, { headers: pair.headers });
    expect(await send(health, { headers: pair.headers })).toMatchObject({
      status: 429,
      error_code: 'RATE_LIMIT_EXCEEDED',
      credential_id: pair.keyId,
    });
    // It is no way around the limit.
    expect(await send('/api/partner/v1/nothing', { headers: pair.headers })).toMatchObject({
      status: 429,
      credential_id: pair.keyId,
      counted: false,
    });
  });

  test('one to an address that is none, which says nothing of a credential that is not good', async () => {
    const path = '/api/partner/v1/nothing';
    const askOf = async (headers: Record<string, string>) => {
      const answer = await fetch(gateway.url + path, { headers });
      return {
        status: answer.status,
        names: [...answer.headers.keys()].filter((name) => name !== 'date').sort(),
      };
    };
    const nothing = await askOf({});
    expect(nothing.status).toBe(404);
    const wrong = headersOf(makeKey('pk_sandbox_'), makeKey('sk_'));
    expect(await askOf(wrong)).toEqual(nothing);
    expect(await askOf(owner.issue({ allowedIps: ['203.0.113.9'] }).headers)).toEqual(nothing);
    expect(await send(path, { headers: wrong })).toMatchObject({ status: 404, credential_id: null });
  });

  test('errors of the service, by their code', async () => {
    const pair = owner.issue();
    expect(
      await send('/api/partner/v1/companies/create', {
        method: 'POST',
        headers: { ...pair.headers, 'content-type': 'application/json' },
        body: '{}',
      }),
    ).toMatchObject({ status: 400, error_code: 'INVALID_INPUT', credential_id: pair.keyId });
  });
});

describe('without NATS', () => {
  test('records wait, and all of them arrive when it is back; cached keys go on, unknown ones get 503', async () => {
    const nats = await startNats();
    const ownBus = await connectTestBus(nats.url);
    const keys = createKeyOwner(ownBus);
    const clock = createManualClock(new Date().toISOString());
    const front = await startGateway({
      natsUrl: nats.url,
      clock,
      env: { PARTNER_SERVICE_URL: service.url, CREDENTIAL_CACHE_SECONDS: '1', CREDENTIAL_STALE_SECONDS: '5' },
    });
    const pair = keys.issue();
    const late = keys.issue();
    const call = (headers: Record<string, string>, id: string) =>
      fetch(`${front.url}/api/partner/v1/health`, { headers: { ...headers, 'x-request-id': id } });
    expect((await call(pair.headers, 'first')).status).toBe(200);
    await nats.kill();
    await waitFor(() => !front.bus.isConnected(), { what: 'NATS to be gone' });
    // Past the cache time too: it was good a moment ago, and nobody can be asked.
    clock.advance(2);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(pair.headers, `away-${i}`)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const unknown = await call(late.headers, 'unknown');
    expect([unknown.status, await unknown.json()]).toMatchObject([
      503,
      { error: { code: 'SERVICE_UNAVAILABLE' } },
    ]);
    clock.advance(5);
    expect((await call(pair.headers, 'too-old')).status).toBe(503);
    await nats.restart();
    const consumed = new Set<string>();
    const consumer = ownBus.consume({
      stream: streamForDomain('gateway'),
      filterSubject: eventSubject(gatewayEvents.requestCompleted, 'partner-service'),
      durable: 'test-log',
      handler: async ({ envelope }) => {
        const { requests } = gatewayEvents.requestCompleted.data.parse(envelope.data);
        for (const { request_id } of requests) consumed.add(request_id);
      },
    });
    const expected = ['first', 'unknown', 'too-old', ...Array.from({ length: 20 }, (_, i) => `away-${i}`)];
    await waitFor(() => expected.every((id) => consumed.has(id)), { what: 'all records' });
    expect((await call(late.headers, 'late')).status).toBe(200);
    await consumer.stop();
    await front.close();
    await keys.leave();
    await ownBus.close();
    await nats.stop();
  });

  test('memory is bounded: the oldest records go first, and are counted', async () => {
    const metrics = createMetrics({ service: 'gateway' });
    const published: RequestRecord[][] = [];
    let away = true;
    const requestLog = createRequestLog({
      bus: {
        publish: async ({ payload }) => {
          if (away) throw new BusError('unavailable', 'away');
          published.push(JSON.parse(String(payload)).data.requests);
          return { stream: 'GATEWAY', sequence: 1, duplicate: false };
        },
      },
      clock: createManualClock(),
      ids: { next: () => '0192f0c1-2b3c-7d4e-8f50-617283940a1b' },
      log: createSilentLog(),
      metrics,
      bufferedRecordsMax: 250,
    });
    const record = gatewayEvents.requestCompleted.example.requests[0];
    if (!record) throw new Error('no example');
    for (let i = 0; i < 1000; i += 1)
      requestLog.add('partner-service', { ...record, counted: true, request_id: String(i) });
    away = false;
    await requestLog.close(60);
    const kept = published.flat();
    const lost = Number(/gateway_request_log_lost_total\{[^}]*\} (\d+)/.exec(await metrics.render())?.[1]);
    expect(kept.length).toBeLessThanOrEqual(350);
    expect(kept.at(-1)?.request_id).toBe('999');
    expect(kept.length + lost).toBe(1000);
  });
});
