import {
  createManualClock,
  gatewayEvents,
  type RequestRecord,
  ticketRoutes,
  ticketRpcs,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUsage } from '../src/domain/housekeeping/clean-usage.ts';
import { histogramEntryOf } from '../src/domain/usage/roll-up.ts';
import { SURFACE, startTestTickets, type TestTickets } from './support/tickets.ts';

const FEED = ticketRoutes.listChanges.path;
const START = '2026-03-01T12:30:00.000Z';
const clock = createManualClock(START);

let tickets: TestTickets;
beforeAll(async () => {
  tickets = await startTestTickets({ clock });
});
afterAll(() => tickets.close());

const record = (tokenId: string, changes: Partial<RequestRecord> = {}): RequestRecord => ({
  request_id: 'req-1',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  method: 'GET',
  endpoint: SURFACE,
  status: 200,
  duration_ms: 4,
  error_code: null,
  credential_kind: 'integration_token',
  credential_id: tokenId,
  ip: '203.0.113.7',
  user_agent: 'curl/8.5.0',
  idempotency_key: null,
  counted: true,
  repeated: 0,
  completed_at: clock.now().toISOString(),
  ...changes,
});

/** Publishes requests as the gateway does, and waits until they were taken in. */
const publish = async (requests: RequestRecord[], id = tickets.data.ids.next()) => {
  await tickets.bus.publishEvent(
    gatewayEvents.requestCompleted,
    { requests },
    { source: 'gateway', partition: 'ticket-service', id },
  );
  await waitFor(
    async () =>
      (
        await tickets.rows("SELECT FROM tickets.inbox WHERE consumer = 'tickets-usage' AND event_id = $1", [
          id,
        ])
      ).length === 1,
    { what: 'the event taken in' },
  );
};
const figuresOf = async (tokenId: string) => (await tickets.ask('GET', `/${tokenId}/usage/summary`)).body;
const usageOf = async (tokenId: string, query = '') =>
  (await tickets.ask('GET', `/${tokenId}/usage${query}`)).body;
const countedIn = (tokenId: string, hour: string) =>
  tickets.bus.request(ticketRpcs.hourUsage, { token_id: tokenId, hour_started_at: hour });

describe('usage', () => {
  it('is kept of every call, those refused with 429 too', async () => {
    const { id } = await tickets.makeToken();
    await publish([
      record(id),
      record(id, {
        request_id: 'req-2',
        method: 'POST',
        endpoint: `${SURFACE}/tickets`,
        status: 429,
        error_code: 'rate_limit_exceeded',
        counted: false,
        ip: '2001:db8::1',
        user_agent: 'x'.repeat(5_000),
        duration_ms: 2,
      }),
      record(id, { ip: 'unix:', user_agent: null }),
    ]);
    const { requests } = await usageOf(id);
    expect(requests).toHaveLength(3);
    expect(requests.find(({ status_code }: { status_code: number }) => status_code === 429)).toMatchObject({
      request_id: 'req-2',
      method: 'POST',
      endpoint: `${SURFACE}/tickets`,
      response_time_ms: 2,
      error_code: 'rate_limit_exceeded',
      counted: false,
      ip_address: '2001:db8::1',
      user_agent: 'x'.repeat(500),
    });
    expect(await figuresOf(id)).toMatchObject({ total_requests: 3, requests_this_hour: 3, error_count: 1 });
    expect(await countedIn(id, '2026-03-01T12:00:00.000Z')).toEqual({ counted: 2 });
    expect((await tickets.ask('GET', `/${id}`)).body.last_used_at).not.toBeNull();
  });

  it('is counted once however often the event comes', async () => {
    const { id } = await tickets.makeToken();
    const eventId = tickets.data.ids.next();
    const batch = [record(id), record(id)];
    await publish(batch, eventId);
    await publish(batch, eventId);
    // Whatever comes after it was handled after it.
    await publish([record(id)]);
    expect(await figuresOf(id)).toMatchObject({ total_requests: 3, requests_today: 3 });
    expect((await usageOf(id)).requests).toHaveLength(3);
  });

  it('belongs to tokens that exist; others, and other kinds, are left out and break nothing', async () => {
    const { id } = await tickets.makeToken();
    await publish([
      record(tickets.data.ids.next()),
      record(id, { credential_id: 'not-a-uuid' }),
      record(id, { credential_id: null, credential_kind: null, status: 401 }),
      record(id, { credential_kind: 'user' }),
      record(id.toUpperCase()),
    ]);
    expect(await figuresOf(id)).toMatchObject({ total_requests: 1 });
  });

  it('of a token that was refused as no good does not make it look used', async () => {
    const { id } = await tickets.makeToken();
    await publish([record(id, { status: 401, counted: false })]);
    expect((await tickets.ask('GET', `/${id}`)).body).toMatchObject({
      last_used_at: null,
      stats: { total_requests: 1, error_count: 1 },
    });
    const changes = await tickets.events<{ token_id: string }>('tickets.token.changed');
    await publish([record(id)]);
    expect((await tickets.ask('GET', `/${id}`)).body.last_used_at).not.toBeNull();
    expect(await tickets.events('tickets.token.changed')).toHaveLength(changes.length);
  });

  it('that one record stands for is counted whole, and its response time once', async () => {
    const { id } = await tickets.makeToken();
    const refused = { status: 429, counted: false, error_code: 'rate_limit_exceeded' };
    await publish([
      record(id, { duration_ms: 10 }),
      record(id, { ...refused, duration_ms: 2, repeated: 19_999 }),
      record(id, { ...refused, status: 499, error_code: null, duration_ms: 3, repeated: 9 }),
    ]);
    expect(await figuresOf(id)).toMatchObject({
      total_requests: 20_011,
      requests_this_hour: 20_011,
      requests_today: 20_011,
      error_count: 20_000,
      avg_response_time_ms: 5,
    });
    // What took nothing of the limit takes nothing of it here.
    expect(await countedIn(id, '2026-03-01T12:00:00.000Z')).toEqual({ counted: 1 });
    const { requests } = await usageOf(id);
    expect(
      requests
        .map(({ status_code, repeated }: { status_code: number; repeated: number }) => [
          status_code,
          repeated,
        ])
        .sort(),
    ).toEqual([
      [200, 0],
      [429, 19_999],
      [499, 9],
    ]);
  });

  it('of a gateway of before, which says nothing of repeating, is one request', async () => {
    const { id } = await tickets.makeToken();
    const { repeated: _, ...before } = record(id);
    await publish([before as RequestRecord]);
    expect(await figuresOf(id)).toMatchObject({ total_requests: 1 });
    expect((await usageOf(id)).requests).toMatchObject([{ repeated: 0 }]);
  });

  it('is listed newest first by status, method, endpoint and time, page by page', async () => {
    const { id } = await tickets.makeToken();
    const at = (minute: number) => `2026-03-01T10:${String(minute).padStart(2, '0')}:00.000Z`;
    await publish(
      Array.from({ length: 20 }, (_, n) =>
        record(id, {
          request_id: `r${n}`,
          method: n % 2 === 0 ? 'GET' : 'POST',
          endpoint: n % 5 === 0 ? SURFACE : `${SURFACE}/tickets`,
          status: [200, 201, 404, 429][n % 4] ?? 200,
          duration_ms: 0,
          completed_at: at(n),
        }),
      ),
    );
    const listed = async (query: string) =>
      (await usageOf(id, query)).requests.map(({ request_id }: { request_id: string }) => request_id);
    expect(await listed('?limit=3')).toEqual(['r19', 'r18', 'r17']);
    expect(await listed('?status=404')).toEqual(['r18', 'r14', 'r10', 'r6', 'r2']);
    expect(await listed('?status=4xx&method=POST')).toEqual(['r19', 'r15', 'r11', 'r7', 'r3']);
    expect(await listed(`?endpoint=${SURFACE}`)).toEqual(['r15', 'r10', 'r5', 'r0']);
    expect(await listed(`?from=${at(3)}&to=${at(6)}`)).toEqual(['r5', 'r4', 'r3']);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await usageOf(id, `?limit=3&status=2xx${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.requests.map(({ request_id }: { request_id: string }) => request_id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(['r17', 'r16', 'r13', 'r12', 'r9', 'r8', 'r5', 'r4', 'r1', 'r0']);
  });
});

describe('the count of an hour', () => {
  it('is that of the clock hour in which requests came, whenever they were over', async () => {
    const { id } = await tickets.makeToken();
    await publish([
      record(id, { completed_at: '2026-03-01T09:59:59.999Z', duration_ms: 0 }),
      // Came at 09:59:59.5, and took one of that hour's limit.
      record(id, { completed_at: '2026-03-01T10:00:00.500Z', duration_ms: 1_000 }),
      record(id, { completed_at: '2026-03-01T10:00:00.000Z', duration_ms: 0 }),
      record(id, { completed_at: '2026-03-01T10:59:59.999Z', duration_ms: 0.5 }),
      record(id, { completed_at: '2026-03-01T10:30:00.000Z', counted: false, status: 429 }),
    ]);
    expect(await countedIn(id, '2026-03-01T09:00:00.000Z')).toEqual({ counted: 2 });
    expect(await countedIn(id, '2026-03-01T10:00:00.000Z')).toEqual({ counted: 2 });
    expect(await countedIn(id, '2026-03-01T11:00:00.000Z')).toEqual({ counted: 0 });
    expect(await countedIn(tickets.data.ids.next(), '2026-03-01T10:00:00.000Z')).toEqual({ counted: 0 });
  });

  it('begins anew with the hour, and the day with the day', async () => {
    const { id } = await tickets.makeToken();
    clock.set('2026-03-01T22:59:00.000Z');
    await publish([record(id), record(id)]);
    clock.set('2026-03-01T23:00:00.000Z');
    expect(await figuresOf(id)).toMatchObject({
      requests_this_hour: 0,
      requests_today: 2,
      total_requests: 2,
    });
    await publish([record(id, { duration_ms: 0 })]);
    expect(await figuresOf(id)).toMatchObject({
      requests_this_hour: 1,
      requests_today: 3,
      total_requests: 3,
    });
    clock.set('2026-03-02T00:00:00.000Z');
    expect(await figuresOf(id)).toMatchObject({
      requests_this_hour: 0,
      requests_today: 0,
      total_requests: 3,
    });
  });
});

describe('figures', () => {
  it('equal a recount of the log, whatever was used', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            token: fc.nat(1),
            status: fc.constantFrom(200, 201, 399, 400, 404, 429, 499, 500),
            endpoint: fc.constantFrom(SURFACE, `${SURFACE}/tickets`, FEED),
            minutesAgo: fc.nat(1_600),
            duration_ms: fc.double({ min: 0, max: 100_000, noNaN: true }),
            counted: fc.boolean(),
            repeated: fc.oneof(fc.constant(0), fc.nat(50_000)),
          }),
          { minLength: 1, maxLength: 60 },
        ),
        async (requests) => {
          const made = [await tickets.makeToken(), await tickets.makeToken()];
          const records = requests.map(({ token, minutesAgo, ...rest }) =>
            record(made[token]?.id ?? '', {
              ...rest,
              completed_at: new Date(clock.now().getTime() - minutesAgo * 60_000).toISOString(),
            }),
          );
          const half = Math.ceil(records.length / 2);
          for (const batch of [records.slice(0, half), records.slice(half)]) {
            if (batch.length > 0) await publish(batch);
          }
          for (const { id } of made) {
            const [recount] = await tickets.rows<Record<string, number | null>>(
              `SELECT coalesce(sum(1 + repeated), 0)::int AS total,
                 coalesce(sum(1 + repeated) FILTER (WHERE status_code >= 400 AND status_code <> 499), 0)::int AS errors,
                 coalesce(sum(1 + repeated) FILTER (WHERE date_trunc('hour', created_at, 'UTC') = date_trunc('hour', $2::timestamptz, 'UTC')), 0)::int AS hour,
                 coalesce(sum(1 + repeated) FILTER (WHERE date_trunc('day', created_at, 'UTC') = date_trunc('day', $2::timestamptz, 'UTC')), 0)::int AS day,
                 avg(response_time_ms) FILTER (WHERE endpoint <> $3) AS average,
                 percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time_ms) FILTER (WHERE endpoint <> $3) AS p95
               FROM tickets.integration_token_usage WHERE token_id = $1`,
              [id, clock.now(), FEED],
            );
            const figures = await figuresOf(id);
            expect(figures).toMatchObject({
              total_requests: recount?.total,
              error_count: recount?.errors,
              requests_this_hour: recount?.hour,
              requests_today: recount?.day,
            });
            if (recount?.average == null) {
              expect(figures).toMatchObject({ avg_response_time_ms: null, p95_response_time_ms: null });
              continue;
            }
            expect(figures.avg_response_time_ms).toBeCloseTo(recount.average, 0);
            // The histogram knows in which entry the 95th percentile lies. Its last entry takes all that is slower.
            expect(
              Math.abs(entryOf(figures.p95_response_time_ms) - entryOf(recount.p95 ?? 0)),
            ).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  const entryOf = (ms: number) => histogramEntryOf(ms);

  it('of response times are not those of requests that waited in the feed', async () => {
    const { id } = await tickets.makeToken();
    await publish([record(id, { endpoint: FEED, duration_ms: 30_000 })]);
    expect(await figuresOf(id)).toMatchObject({
      total_requests: 1,
      avg_response_time_ms: null,
      p95_response_time_ms: null,
    });
    await publish([record(id, { endpoint: FEED, duration_ms: 30_000 }), record(id)]);
    expect(await figuresOf(id)).toMatchObject({ total_requests: 3, avg_response_time_ms: 4 });
  });

  it('of response times are within a fifth of the truth', async () => {
    const { id } = await tickets.makeToken();
    // 1 to 1000 ms: the 95th percentile is 950 ms.
    for (let from = 1; from <= 1000; from += 500) {
      await publish(Array.from({ length: 500 }, (_, n) => record(id, { duration_ms: from + n })));
    }
    const { avg_response_time_ms: average, p95_response_time_ms: p95 } = await figuresOf(id);
    expect(average).toBeCloseTo(500.5, 5);
    expect(p95).toBeGreaterThan(950 * 0.9);
    expect(p95).toBeLessThan(950 * 1.1);
  });

  it('are the same in the view that operators read', async () => {
    const { id } = await tickets.makeToken();
    await publish([record(id, { status: 500 }), record(id)]);
    const [row] = await tickets.rows<Record<string, unknown>>(
      'SELECT * FROM tickets.integration_token_stats WHERE token_id = $1',
      [id],
    );
    expect(row).toMatchObject({ total_requests: '2', error_count: '1', avg_response_time_ms: 4 });
  });
});

it('usage is removed after its days, in batches, and the figures stay', async () => {
  const { id } = await tickets.makeToken();
  const old = new Date(clock.now().getTime() - 90 * 86_400_000 - 1);
  await publish([
    record(id, { duration_ms: 0 }),
    record(id, { duration_ms: 0, completed_at: old.toISOString() }),
  ]);
  await tickets.rows(
    `INSERT INTO tickets.integration_token_usage (id, token_id, request_id, endpoint, method, status_code,
       response_time_ms, counted, created_at)
     SELECT gen_random_uuid(), $1, 'x', 'x', 'GET', 200, 1, true, $2::timestamptz FROM generate_series(1, 4500)`,
    [id, old],
  );
  expect(await cleanUsage(tickets.data, 90)).toBe(4501);
  expect((await usageOf(id)).requests).toHaveLength(1);
  expect(await figuresOf(id)).toMatchObject({ total_requests: 2 });
  expect(await cleanUsage(tickets.data, 90)).toBe(0);
});
