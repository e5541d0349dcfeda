import { type PartnerPrincipal, webhookRpcs } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter, waitFor } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelDeliveries } from '../src/domain/deliveries/cancel-deliveries.ts';
import { claimDeliveries } from '../src/domain/deliveries/claim-deliveries.ts';
import { holdDeliveries } from '../src/domain/deliveries/hold-deliveries.ts';
import type { Narrowing } from '../src/domain/deliveries/narrow-deliveries.ts';
import { findLastAttempts, listAttempts } from '../src/domain/deliveries/read-attempts.ts';
import {
  EXAMINED_ROWS_MAX,
  findDelivery,
  findEndOfExamined,
  listDeliveries,
} from '../src/domain/deliveries/read-deliveries.ts';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { awkwardBody, ids } from './support/deliveries.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { type Filling, fillDeliveries } from './support/rows.ts';

const PARTNER = '/api/partner/v1/webhooks/deliveries';
const HOUR_MS = 3_600_000;
const MANY = 8_000;

let service: TestAdmin;
let receiver: Receiver;
let status = 200;
let endpoint: MadeEndpoint;
let busy: MadeEndpoint;

beforeAll(async () => {
  service = await startTestAdmin({ settings: { partnerScheduleSeconds: [0, 3600] } });
  receiver = await startReceiver((response) => {
    response.writeHead(status, { 'content-type': 'text/plain' });
    response.end('thank you');
  });
  [endpoint, busy] = await Promise.all([
    service.makeEndpoint(receiver.url),
    service.makeEndpoint(receiver.url),
  ]);
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS);
const fill = (filling: Filling) => fillDeliveries(service.rows, filling);
const list = async (query: string) => {
  const { status: code, body } = await service.ask('GET', `/deliveries?${query}`);
  expect(code).toBe(200);
  return body;
};
const partner = (keyId: string): PartnerPrincipal => ({
  kind: 'partner_key',
  key_id: keyId,
  partner_id: keyId,
  partner_name: 'CompanyX',
  environment: 'sandbox',
  company_id: null,
  permissions: { all: true },
});
/** A callback that failed once and is over. */
const makeExhausted = async (keyId: string) => {
  await fill({ count: 1, status: 'exhausted', from: hoursAgo(1), keyId, url: receiver.url });
  const { body } = await service.call(partner(keyId), 'GET', `${PARTNER}?limit=1`);
  return body.deliveries[0];
};

test('a delivery is shown with what it says and its attempts, newest first, page by page', async () => {
  await service.publish(endpoint.owner);
  const find = async () => (await list(`endpoint_id=${endpoint.id}`)).deliveries;
  await waitFor(async () => (await find())[0]?.status === 'succeeded', { what: 'the delivery' });
  const [shown] = await find();
  expect(shown).toMatchObject({
    event_type: 'ticket.created',
    owner: endpoint.owner,
    environment: 'sandbox',
    profile: 'standard',
    endpoint_id: endpoint.id,
    sequence: 1,
    url: receiver.url,
    attempt_count: 1,
    next_attempt_at: null,
    replay_id: null,
  });
  const one = await service.ask('GET', `/deliveries/${shown.id}`);
  const attempt = {
    attempt_number: 1,
    outcome: 'succeeded',
    http_status: 200,
    answer_body: 'thank you',
    error: null,
    replay_id: null,
  };
  expect(one.body).toMatchObject({ ...shown, body: awkwardBody, last_attempt: attempt });
  expect(one.body.last_attempt.answer_headers['content-type']).toBe('text/plain');
  await service.rows(
    `INSERT INTO webhook_attempts (delivery_id, attempt_number, outcome, error, attempted_at)
     SELECT $1, i, 'failed', 'connection refused', now() FROM generate_series(2, 5) AS i`,
    [shown.id],
  );
  const attempts = async (query = '') =>
    (await service.ask('GET', `/deliveries/${shown.id}/attempts?${query}`)).body;
  const numbers = (page: { attempts: { attempt_number: number }[] }) =>
    page.attempts.map(({ attempt_number }) => attempt_number);
  const first = await attempts('limit=3');
  expect([numbers(first), first.next_before]).toEqual([[5, 4, 3], 3]);
  const rest = await attempts('limit=3&before=3');
  expect([numbers(rest), rest.next_before]).toEqual([[2, 1], null]);
  expect(rest.attempts[1]).toMatchObject(attempt);
  expect(await attempts('before=1')).toEqual({ attempts: [], next_before: null });
  const unknown = ids.next();
  for (const path of ['', '/attempts']) {
    const { status: code, body } = await service.ask('GET', `/deliveries/${unknown}${path}`);
    expect([code, body.code]).toEqual([404, 'DELIVERY_NOT_FOUND']);
  }
});

test('lists are narrowed by every filter alone and together, newest first, page by page', async () => {
  const keyId = ids.next();
  const from = hoursAgo(200);
  const at = (seconds: number) => new Date(from.getTime() + seconds * 1000).toISOString();
  const owner = `partner_key:${keyId}`;
  for (const [index, state] of (['succeeded', 'exhausted', 'pending', 'succeeded'] as const).entries()) {
    await fill({
      count: 2,
      status: state,
      from: new Date(from.getTime() + index * 10_000),
      keyId,
      eventType: index === 3 ? 'job.other' : 'job.done',
    });
  }
  await service.rows(
    `UPDATE webhook_deliveries SET due_at = now() + interval '1 day' WHERE owner = $1 AND status = 'pending'`,
    [owner],
  );
  const times = async (query: string) =>
    (await list(`owner=${owner}&${query}`)).deliveries.map(
      (one: { created_at: string }) => (Date.parse(one.created_at) - from.getTime()) / 1000,
    );
  expect(await times('')).toEqual([31, 30, 21, 20, 11, 10, 1, 0]);
  expect(await times('status=exhausted')).toEqual([11, 10]);
  expect(await times('status=pending')).toEqual([21, 20]);
  expect(await times('status=cancelled')).toEqual([]);
  expect(await times('event_type=job.done&status=succeeded')).toEqual([1, 0]);
  expect(await times(`from=${at(10)}&to=${at(21)}`)).toEqual([20, 11, 10]);
  expect(await times(`status=exhausted&event_type=job.done&from=${at(11)}`)).toEqual([11]);
  const [newest] = (await list(`owner=${owner}`)).deliveries;
  expect((await list(`message_id=${newest.message_id}`)).deliveries).toEqual([newest]);
  expect((await list(`message_id=${newest.message_id}&status=pending`)).deliveries).toEqual([]);
  const found: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { deliveries: { id: string }[]; next_cursor: string | null } = await list(
      `owner=${owner}&limit=3${cursor && `&cursor=${cursor}`}`,
    );
    found.push(...page.deliveries.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  expect(new Set(found).size).toBe(8);
  for (const fault of [
    'status=lost',
    'endpoint_id=1',
    'owner=nobody',
    'event_type=X',
    'from=yesterday',
    'cursor=1',
  ]) {
    expect((await service.ask('GET', `/deliveries?${fault}`)).status).toBe(400);
  }
});

describe('a partner', () => {
  test('sees its own callbacks and nothing else', async () => {
    const [mine, theirs] = [ids.next(), ids.next()];
    await service.dispatcher.request({
      profile: 'partner',
      message_id: ids.next(),
      event_type: 'partner.job.finished',
      url: receiver.url,
      environment: 'sandbox',
      secret: { kind: 'partner', key_id: mine, version: 1 },
      body: '{}',
    });
    await fill({ count: 2, status: 'exhausted', from: hoursAgo(2), keyId: theirs });
    // An endpoint of the same owner has deliveries of its own; they are no callbacks.
    const other = await service.makeEndpoint(receiver.url, { owner: `partner_key:${mine}` });
    await fill({ count: 2, status: 'held', from: hoursAgo(2), endpointId: other.id, owner: other.owner });
    const ask = async (query = '') => (await service.call(partner(mine), 'GET', `${PARTNER}?${query}`)).body;
    await waitFor(async () => (await ask()).deliveries[0]?.status === 'succeeded', { what: 'the callback' });
    const { deliveries, next_cursor } = await ask();
    expect(next_cursor).toBeNull();
    expect(deliveries).toEqual([
      {
        id: expect.any(String),
        job_id: expect.any(String),
        webhook_url: receiver.url,
        status: 'succeeded',
        attempt_count: 1,
        next_attempt_at: null,
        last_attempt: {
          attempt_number: 1,
          http_status: 200,
          error_message: null,
          duration_ms: expect.any(Number),
          attempted_at: expect.any(String),
        },
        created_at: expect.any(String),
        finished_at: expect.any(String),
      },
    ]);
    expect((await ask(`job_id=${deliveries[0].job_id}`)).deliveries).toEqual(deliveries);
    expect((await ask('status=exhausted')).deliveries).toEqual([]);
    const [their] = await service.rows<{ message_id: string }>(
      'SELECT message_id FROM webhook_deliveries WHERE owner = $1 LIMIT 1',
      [`partner_key:${theirs}`],
    );
    expect((await ask(`job_id=${their?.message_id}`)).deliveries).toEqual([]);
  });

  test('never finds one of its own held or cancelled: the database refuses that of a callback, and another lane to an endpoint', async () => {
    const keyId = ids.next();
    const owner = `partner_key:${keyId}`;
    await expect(fill({ count: 1, status: 'held', from: hoursAgo(1), keyId })).rejects.toThrow(
      'deliveries_kept',
    );
    await expect(fill({ count: 1, status: 'cancelled', from: hoursAgo(1), keyId })).rejects.toThrow(
      'deliveries_kept',
    );
    await fill({
      count: 1,
      status: 'exhausted',
      from: hoursAgo(1),
      endpointId: busy.id,
      owner,
      sequence: 900_000,
    });
    const move =
      "UPDATE webhook_deliveries SET lane = 'elsewhere' WHERE endpoint_id = $1 AND sequence = 900000";
    await expect(service.rows(move, [busy.id])).rejects.toThrow('deliveries_lane');
    await service.rows('DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND sequence = 900000', [
      busy.id,
    ]);
  });

  test('has its own sent once more, and nobody else has', async () => {
    const keyId = ids.next();
    const callback = await makeExhausted(keyId);
    const retry = (key: string, id: string) => service.call(partner(key), 'POST', `${PARTNER}/${id}/retry`);
    expect((await retry(ids.next(), callback.id)).body).toMatchObject({
      error: { code: 'DELIVERY_NOT_FOUND' },
    });
    expect((await retry(keyId, ids.next())).status).toBe(404);
    expect((await retry(keyId, 'x')).status).toBe(400);
    const look = async () => (await service.call(partner(keyId), 'GET', PARTNER)).body.deliveries[0];
    status = 503;
    expect((await retry(keyId, callback.id)).body).toEqual({
      delivery_id: callback.id,
      status: 'scheduled',
      attempt_number: 2,
    });
    await waitFor(async () => (await look()).attempt_count === 2, { what: 'the attempt' });
    // One more attempt, and not another schedule: it is not in line for a second.
    await waitFor(async () => (await look()).status !== 'pending', { what: 'its end' });
    status = 200;
    await retry(keyId, callback.id);
    await waitFor(async () => (await look()).status === 'succeeded', { what: 'the success' });
    expect((await retry(keyId, callback.id)).body).toMatchObject({ status: 'succeeded', attempt_number: 3 });

    const expired = await makeExhausted(keyId);
    await service.rows('UPDATE webhook_messages SET body = NULL WHERE id = $1', [expired.job_id]);
    expect((await retry(keyId, expired.id)).body).toMatchObject({ error: { code: 'MESSAGE_EXPIRED' } });
  });

  test('that was sent something by a replay, and again by a retry, leaves the counts of the replay as they were', async () => {
    const keyId = ids.next();
    const callback = await makeExhausted(keyId);
    status = 500;
    const { replay_id } = (await service.ask('POST', `/deliveries/${callback.id}/replay`)).body;
    const look = async () => (await service.ask('GET', `/deliveries/${callback.id}`)).body;
    await waitFor(async () => (await look()).attempt_count === 2, { what: 'the first step' });
    await service.rows('UPDATE webhook_deliveries SET due_at = now() WHERE id = $1', [callback.id]);
    await waitFor(async () => (await look()).status === 'exhausted', { what: 'the end of its schedule' });
    status = 200;
    await service.dispatcher.bus.request(
      webhookRpcs.retry,
      { delivery_ids: [callback.id] },
      { timeoutMs: 30_000 },
    );
    await waitFor(async () => (await look()).status === 'succeeded', { what: 'the retry' });
    expect(await look()).toMatchObject({ replay_id: null, last_attempt: { replay_id: null } });
    const replay = (await service.ask('GET', `/replays/${replay_id}`)).body;
    expect(replay).toMatchObject({ status: 'completed', total: 1, successful: 0, failed: 1, skipped: 0 });
  });
});

describe('at any size', () => {
  let meter: QueryMeter;
  let db: Kysely<Schemas['webhooks']>;
  const keyId = ids.next();
  const anything: Narrowing = {
    status: null,
    endpointId: null,
    owner: null,
    eventType: null,
    messageId: null,
    from: null,
    to: null,
  };

  beforeAll(async () => {
    const from = hoursAgo(400);
    await fill({ count: MANY, status: 'succeeded', from, endpointId: busy.id, owner: busy.owner });
    await fill({ count: MANY, status: 'succeeded', from, keyId, eventType: 'job.done' });
    await fill({ count: 200, status: 'exhausted', from, keyId, eventType: 'job.done' });
    await service.rows(
      `INSERT INTO webhook_attempts (delivery_id, attempt_number, outcome, error, attempted_at)
       SELECT id, i, 'failed', 'x', now() FROM webhook_deliveries CROSS JOIN generate_series(1, 3) AS i
       WHERE status = 'exhausted' ON CONFLICT DO NOTHING`,
    );
    await service.rows('VACUUM ANALYZE');
    meter = openQueryMeter({ connectionString: service.urls.owner, options: '-c search_path=webhooks' });
    db = new Kysely({ dialect: new PostgresDialect(meter), log: (event) => meter.note(event) });
  });
  afterAll(() => meter.close());

  const middle = () => ({ createdAt: new Date(hoursAgo(400).getTime() + 4_000_000), id: ids.next() });
  const tables = (whole: readonly string[]) => whole.filter((table) => table !== 'webhook_endpoints');

  test.each<[string, () => Partial<Narrowing>]>([
    ['all', () => ({})],
    ['those that arrived', () => ({ status: 'succeeded' })],
    ['those that wait', () => ({ status: 'pending' })],
    ['those that failed', () => ({ status: 'exhausted' })],
    ['those of an endpoint', () => ({ endpointId: busy.id })],
    ['those of an endpoint that failed', () => ({ endpointId: busy.id, status: 'exhausted' })],
    ['those of an owner', () => ({ owner: busy.owner })],
    ['those of an owner that failed', () => ({ owner: `partner_key:${keyId}`, status: 'exhausted' })],
    ['those of an event type', () => ({ eventType: 'job.done' })],
    ['those of a time', () => ({ from: hoursAgo(399), to: hoursAgo(398) })],
    ['those of a message', () => ({ messageId: 'x' })],
  ])('a page of %s reads a page, not a table', async (_name, narrowing) => {
    const wanted = { ...anything, ...narrowing() };
    for (const after of [null, middle()]) {
      const cost = await meter.costOf(() => listDeliveries(db, wanted, { limit: 50, after }));
      expect(tables(cost.wholeTables)).toEqual([]);
      expect(cost.rowsTouched).toBeLessThan(500);
    }
  });

  test('a filter that almost nothing passes looks at a bounded part, and the next page goes on', async () => {
    const wanted = { ...anything, endpointId: busy.id, eventType: 'no.such' };
    const cost = await meter.costOf(async () => {
      await listDeliveries(db, wanted, { limit: 50, after: null });
      await findEndOfExamined(db, wanted, null);
    });
    expect(tables(cost.wholeTables)).toEqual([]);
    expect(cost.rowsTouched).toBeLessThanOrEqual(2 * EXAMINED_ROWS_MAX + 100);
    const query = `endpoint_id=${busy.id}&event_type=no.such`;
    const first = await list(query);
    expect(first).toEqual({ deliveries: [], next_cursor: expect.any(String) });
    expect(await list(`${query}&cursor=${first.next_cursor}`)).toEqual({ deliveries: [], next_cursor: null });
  });

  test('a batch that is claimed by name, or held or cancelled with its endpoint, reads a batch, however much waits behind it', async () => {
    const { id, owner } = await service.makeEndpoint(receiver.url);
    await service.ask('POST', `/endpoints/${id}/disable`, {});
    await fill({ count: MANY / 2, status: 'pending', from: hoursAgo(1), endpointId: id, owner });
    await service.rows('ANALYZE webhook_deliveries');
    const named = await listDeliveries(db, { ...anything, endpointId: id }, { limit: 99, after: null });
    const wanted = { kind: 'ids', ids: named.map((one) => one.id) } as const;
    const now = new Date();
    const lease = { owner: 'a-dispatcher', now, until: now };
    const schedules = { partner: [0], standard: [0] };
    for (const work of [
      () => claimDeliveries(db, wanted, lease, [], schedules),
      () => holdDeliveries(db, id, { now: new Date(), rowsMax: 100 }),
      () => cancelDeliveries(db, id, { now, rowsMax: 100 }),
    ]) {
      const cost = await meter.costOf(work);
      expect(cost.wholeTables).not.toContain('webhook_deliveries');
      expect(cost.rowsTouched).toBeLessThan(1_000);
    }
  });

  test('one delivery, its attempts, and the last ones of a page are found by one index each', async () => {
    const failed = await listDeliveries(db, { ...anything, status: 'exhausted' }, { limit: 50, after: null });
    const [one] = failed;
    for (const [rowsMax, work] of [
      [10, () => findDelivery(db, one?.id ?? '')],
      [10, () => listAttempts(db, one?.id ?? '', { limit: 2, before: 3 })],
      [
        150,
        () =>
          findLastAttempts(
            db,
            failed.map(({ id }) => id),
          ),
      ],
    ] as const) {
      const cost = await meter.costOf(work);
      expect(tables(cost.wholeTables)).toEqual([]);
      expect(cost.rowsTouched).toBeLessThan(rowsMax);
    }
  });
});
