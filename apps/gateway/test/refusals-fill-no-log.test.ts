import {
  createManualClock,
  createUuidV7Ids,
  gatewayEvents,
  type RequestRecord,
  type ServiceName,
} from '@switchboard/contracts';
import { createMetrics, createSilentLog } from '@switchboard/service-kit';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { createRequestLog, type RequestLog } from '../src/index.ts';
import { connectTestBus, startGateway } from './support/gateway.ts';
import { createKeyOwner } from './support/keys.ts';
import { startPartnerService } from './support/upstream.ts';

type Bounds = Parameters<typeof createRequestLog>[0]['refusalBounds'];

const SINGLES = 300;
const TOKEN = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const opened: RequestLog[] = [];
afterEach(async () => {
  for (const requestLog of opened.splice(0)) await requestLog.close(60);
});

const sumOf = (records: readonly RequestRecord[]): number =>
  records.reduce((sum, { repeated }) => sum + 1 + repeated, 0);

/** A request log whose events end here, as a consumer reads them. */
const startLog = (refusalBounds: Bounds = {}) => {
  const clock = createManualClock('2026-03-01T12:30:00.000Z');
  const metrics = createMetrics({ service: 'gateway' });
  const published: (RequestRecord & { service: string })[] = [];
  const requestLog = createRequestLog({
    bus: {
      publish: async ({ subject, payload }) => {
        const { requests } = gatewayEvents.requestCompleted.data.parse(JSON.parse(String(payload)).data);
        const service = subject.split('.').at(-1) ?? '';
        published.push(...requests.map((record) => ({ ...record, service })));
        return { stream: 'GATEWAY', sequence: 1, duplicate: false };
      },
    },
    clock,
    ids: createUuidV7Ids(),
    log: createSilentLog(),
    metrics,
    refusalBounds,
  });
  opened.push(requestLog);
  let sent = 0;
  return {
    clock,
    published,
    close: () => requestLog.close(60),
    /** Refusals of a token that is used up, unless told otherwise. */
    add(count: number, changes: Partial<RequestRecord> = {}, service: ServiceName = 'ticket-service') {
      for (let i = 0; i < count; i += 1) {
        sent += 1;
        requestLog.add(service, {
          request_id: `r${sent}`,
          trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
          method: 'GET',
          endpoint: '/functions/v1/integration-tickets',
          status: 429,
          duration_ms: 0.5,
          error_code: 'rate_limit_exceeded',
          credential_kind: 'integration_token',
          credential_id: TOKEN,
          ip: '203.0.113.7',
          user_agent: 'curl/8.5.0',
          idempotency_key: null,
          counted: false,
          completed_at: clock.now().toISOString(),
          ...changes,
        });
      }
    },
    arrived: (count: number) =>
      waitFor(() => published.length >= count, { what: `${count} records, of ${published.length}` }),
    async metric(name: string): Promise<number> {
      return Number(
        new RegExp(`gateway_request_log_${name}_total\\{[^}]*\\} (\\d+)`).exec(await metrics.render())?.[1],
      );
    },
  };
};

describe('a token that is refused without end', () => {
  test('has 300 records of an hour one by one, and then one a minute that stands for the rest', async () => {
    const log = startLog();
    log.add(20_000);
    await log.arrived(SINGLES);
    expect(log.published.map(({ request_id }) => request_id)).toEqual(
      Array.from({ length: SINGLES }, (_, i) => `r${i + 1}`),
    );
    expect(sumOf(log.published)).toBe(SINGLES);
    log.clock.advance(60);
    await log.arrived(SINGLES + 1);
    // The latest of them, whole.
    expect(log.published.at(-1)).toMatchObject({
      request_id: 'r20000',
      status: 429,
      ip: '203.0.113.7',
      user_agent: 'curl/8.5.0',
      credential_id: TOKEN,
      repeated: 20_000 - SINGLES - 1,
    });
    log.add(5_000);
    log.clock.advance(60);
    await log.arrived(SINGLES + 2);
    expect(log.published).toHaveLength(SINGLES + 2);
    expect(sumOf(log.published)).toBe(25_000);
    expect(await log.metric('gathered')).toBe(25_000 - SINGLES - 2);
    expect(await log.metric('lost')).toBe(0);
  });

  test('loses none when the gateway ends', async () => {
    const log = startLog();
    log.add(1_000);
    await log.close();
    expect(log.published).toHaveLength(SINGLES + 1);
    expect(sumOf(log.published)).toBe(1_000);
  });

  test('begins anew with the clock hour, and no record stands for requests of two', async () => {
    const log = startLog();
    log.clock.set('2026-03-01T12:59:59.900Z');
    log.add(1_000);
    log.clock.set('2026-03-01T13:00:00.100Z');
    // They came before the hour turned: figures of hours are by that.
    log.add(400, { duration_ms: 500 });
    log.add(50);
    await log.close();
    const cameIn = (hour: string) =>
      log.published.filter(({ completed_at, duration_ms }) =>
        new Date(Date.parse(completed_at) - Math.floor(duration_ms)).toISOString().startsWith(hour),
      );
    expect(sumOf(cameIn('2026-03-01T12'))).toBe(1_400);
    expect(sumOf(cameIn('2026-03-01T13'))).toBe(50);
    // One of the first hour, one of those that came in it and were over in the next, and one of the next.
    expect(log.published).toHaveLength(SINGLES + 1 + SINGLES + 2);
  });

  test('has a record for each kind of refusal, and each has the requests of that kind alone', async () => {
    const log = startLog();
    log.add(SINGLES);
    log.add(10);
    log.add(20, { method: 'POST' });
    log.add(30, { endpoint: '/functions/v1/integration-tickets/tickets' });
    log.add(40, { status: 401, error_code: 'invalid_token' });
    log.add(50, { status: 401, error_code: 'token_disabled' });
    await log.close();
    const gathered = log.published.slice(SINGLES);
    expect(
      gathered.map(({ method, endpoint, status, error_code, repeated }) => [
        method,
        endpoint.split('/').at(-1),
        status,
        error_code,
        repeated + 1,
      ]),
    ).toEqual([
      ['GET', 'integration-tickets', 429, 'rate_limit_exceeded', 10],
      ['POST', 'integration-tickets', 429, 'rate_limit_exceeded', 20],
      ['GET', 'tickets', 429, 'rate_limit_exceeded', 30],
      ['GET', 'integration-tickets', 401, 'invalid_token', 40],
      ['GET', 'integration-tickets', 401, 'token_disabled', 50],
    ]);
  });
});

describe('what is not gathered', () => {
  test('is whatever took of a limit, was answered well, or failed for no fault of its caller', async () => {
    const log = startLog();
    log.add(SINGLES);
    log.add(400, { counted: true, status: 404 });
    log.add(400, { status: 200 });
    log.add(400, { status: 503 });
    await log.arrived(SINGLES + 1_200);
    expect(log.published.every(({ repeated }) => repeated === 0)).toBe(true);
  });

  test('is anything of another token, or of the same at another service', async () => {
    const log = startLog();
    log.add(SINGLES + 1);
    log.add(SINGLES, { credential_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1d' });
    log.add(SINGLES, {}, 'partner-service');
    await log.arrived(3 * SINGLES);
    expect(log.published).toHaveLength(3 * SINGLES);
  });
});

test('those whose credential nobody knows share the first 300 of a service', async () => {
  const log = startLog();
  const unknown = { status: 401, error_code: 'invalid_token', credential_id: null };
  log.add(200, unknown);
  log.add(200, { ...unknown, credential_kind: null });
  log.add(SINGLES, { ...unknown, credential_kind: 'partner_key' }, 'partner-service');
  log.add(7, unknown);
  await log.close();
  const of = (service: string) => log.published.filter((record) => record.service === service);
  expect(of('partner-service')).toHaveLength(SINGLES);
  expect(of('ticket-service')).toHaveLength(SINGLES + 2);
  expect(sumOf(of('ticket-service'))).toBe(407);
  expect(of('ticket-service').slice(SINGLES)).toMatchObject([
    { credential_kind: null, repeated: 99 },
    { credential_kind: 'integration_token', repeated: 6 },
  ]);
});

describe('memory is bounded', () => {
  test('kinds beyond the bound of a credential are not told apart; its sums by status are exact', async () => {
    const log = startLog({ singlesMax: 0, kindsMax: 3 });
    for (let i = 0; i < 40; i += 1) {
      log.add(5, { endpoint: `/${i}`, status: i % 2 === 0 ? 401 : 429 });
    }
    await log.close();
    expect(log.published).toHaveLength(5);
    expect(sumOf(log.published.filter(({ status }) => status === 401))).toBe(100);
    expect(sumOf(log.published.filter(({ status }) => status === 429))).toBe(100);
    expect(await log.metric('mixed')).toBe(37 * 5);
    expect(await log.metric('lost')).toBe(0);
  });

  test('credentials beyond the bound have none one by one, and all of theirs are in the sums', async () => {
    const log = startLog({ watchedMax: 2 });
    const ids = createUuidV7Ids();
    const tokens = Array.from({ length: 5 }, () => ids.next());
    for (const credential_id of tokens) log.add(SINGLES + 100, { credential_id });
    await log.close();
    const recordsOf = (id: string) => log.published.filter(({ credential_id }) => credential_id === id);
    expect(tokens.map((id) => recordsOf(id).length)).toEqual([SINGLES + 1, SINGLES + 1, 1, 1, 1]);
    expect(tokens.map((id) => sumOf(recordsOf(id)))).toEqual(tokens.map(() => SINGLES + 100));
  });

  test('beyond all of them requests are counted as lost', async () => {
    const log = startLog({ singlesMax: 0, gatheredMax: 10 });
    const ids = createUuidV7Ids();
    for (let i = 0; i < 20; i += 1) log.add(50, { credential_id: ids.next() });
    // Room again after a minute.
    log.clock.advance(60);
    await log.arrived(10);
    log.add(1);
    await log.close();
    expect(log.published).toHaveLength(11);
    expect(sumOf(log.published) + (await log.metric('lost'))).toBe(1_001);
    expect(await log.metric('lost')).toBe(500);
  });
});

test('the whole way: a key that is used up goes on asking', async () => {
  await resetNats();
  const clock = createManualClock('2026-03-01T12:30:00.000Z');
  const service = await startPartnerService({ clock });
  const bus = await connectTestBus();
  const owner = createKeyOwner(bus);
  const records: RequestRecord[] = [];
  bus.subscribe(gatewayEvents.requestCompleted, ({ requests }) => void records.push(...requests), {
    partition: 'partner-service',
  });
  const gateway = await startGateway({
    clock,
    env: { PARTNER_SERVICE_URL: service.url },
  });
  const pair = owner.issue({ limitPerMinute: 2 });
  const ask = async () => {
    const answer = await fetch(`${gateway.url}/api/partner/v1/health`, { headers: pair.headers });
    await answer.body?.cancel();
    return answer.status;
  };
  expect([await ask(), await ask()]).toEqual([200, 200]);
  for (let round = 0; round < 8; round += 1) await Promise.all(Array.from({ length: 50 }, ask));
  await gateway.close();
  await waitFor(() => sumOf(records) >= 402, { what: 'all that was asked' });
  expect(sumOf(records)).toBe(402);
  expect(records).toHaveLength(2 + SINGLES + 1);
  expect(records.at(-1)).toMatchObject({ status: 429, credential_id: pair.keyId, repeated: 99 });
  await owner.leave();
  await bus.close();
  await service.close();
});
