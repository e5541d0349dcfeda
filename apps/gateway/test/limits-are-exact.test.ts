import { createManualClock, systemClock } from '@switchboard/contracts';
import { createSilentLog } from '@switchboard/service-kit';
import { type OwnRedis, resetNats, startRedis, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRedisStore } from '../src/limits/redis-store.ts';
import type { Quota } from '../src/limits/store.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner, type TestPair } from './support/keys.ts';
import { newKeyId } from './support/limited.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let redis: OwnRedis;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let gateways: TestGateway[] = [];

const get = async (at: TestGateway | undefined, pair: TestPair) => {
  const response = await fetch(`${at?.url}/api/partner/v1/health`, { headers: pair.headers });
  await response.body?.cancel();
  return response;
};
const whole = (response: Response, name: string): number => {
  const text = response.headers.get(name);
  expect(text, name).toMatch(/^\d+$/);
  return Number(text);
};

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  redis = await startRedis();
});
afterAll(async () => {
  await owner.leave();
  await bus.close();
  await redis.stop();
});
afterEach(async () => {
  for (const gateway of gateways) await gateway.close();
  gateways = [];
  await service.close();
});

describe('one gateway, counting in memory', () => {
  const clock = createManualClock();
  let gateway: TestGateway;
  beforeEach(async () => {
    service = await startPartnerService({ clock });
    gateway = await startGateway({ clock, env: { PARTNER_SERVICE_URL: service.url } });
    gateways.push(gateway);
  });

  test('lets exactly the limit through however many come at once, and as many again in the next window', async () => {
    const pair = owner.issue({ limitPerMinute: 20 });
    for (let window = 0; window < 3; window += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => get(gateway, pair)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
      clock.advance(60);
    }
  });

  test('every answer tells the limit, what remains and when the window ends', async () => {
    const pair = owner.issue({ limitPerMinute: 2 });
    const nowSeconds = clock.now().getTime() / 1000;
    for (const [status, remaining] of [
      [200, 1],
      [200, 0],
      [429, 0],
    ]) {
      const answer = await get(gateway, pair);
      expect(answer.status).toBe(status);
      expect(whole(answer, 'x-ratelimit-limit')).toBe(2);
      expect(whole(answer, 'x-ratelimit-remaining')).toBe(remaining);
      expect(whole(answer, 'x-ratelimit-reset')).toBe(nowSeconds + 60);
      expect(answer.headers.get('ratelimit-policy')).toBe('"partner";q=2;w=60');
      expect(answer.headers.get('ratelimit')).toBe(`"partner";r=${remaining};t=60`);
      expect(answer.headers.get('retry-after')).toBe(status === 429 ? '60' : null);
    }
  });

  test('answers that are refused otherwise carry them too', async () => {
    const pair = owner.issue({ limitPerMinute: 100, permissions: ['jobs.read'] });
    const base = `${gateway.url}/api/partner/v1`;
    const answers = [
      await fetch(`${base}/companies`, { headers: pair.headers }),
      await fetch(`${base}/health`),
      await fetch(`${base}/health`, {
        headers: { authorization: 'Bearer pk_sandbox_x', 'x-api-secret': 'x' },
      }),
      await fetch(`${base}/calls?limit=0`, { headers: pair.headers }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      whole(answer, 'x-ratelimit-limit');
      whole(answer, 'x-ratelimit-remaining');
      whole(answer, 'x-ratelimit-reset');
      expect(answer.headers.get('ratelimit')).toMatch(/^".+";r=\d+;t=\d+$/);
      expect(answer.headers.get('ratelimit-policy')).toMatch(/^".+";q=\d+;w=\d+$/);
    }
  });

  test('a client that obeys the headers never sees 429', async () => {
    const pair = owner.issue({ limitPerMinute: 7 });
    for (let sent = 0; sent < 40; sent += 1) {
      const answer = await get(gateway, pair);
      expect(answer.status).toBe(200);
      // Uneven steps, so that windows begin in the middle of a second.
      clock.advance(0.137 * (sent % 5));
      if (whole(answer, 'x-ratelimit-remaining') > 0) continue;
      const waitUntilMs = whole(answer, 'x-ratelimit-reset') * 1000;
      clock.advance(Math.max(0, (waitUntilMs - clock.now().getTime()) / 1000));
    }
  });

  test('each key has its own limit', async () => {
    const small = owner.issue({ limitPerMinute: 1 });
    const large = owner.issue({ limitPerMinute: 3 });
    expect((await get(gateway, small)).status).toBe(200);
    expect((await get(gateway, small)).status).toBe(429);
    for (let i = 0; i < 3; i += 1) expect((await get(gateway, large)).status).toBe(200);
    expect((await get(gateway, large)).status).toBe(429);
  });

  test('a limit that is changed counts at once, in the window that runs', async () => {
    const pair = owner.issue({ limitPerMinute: 3 });
    const limitBecomes = (limit: number) =>
      waitFor(async () => whole(await get(gateway, pair), 'x-ratelimit-limit') === limit, {
        what: `the limit ${limit}`,
      });
    for (const remaining of [2, 1, 0]) {
      expect(whole(await get(gateway, pair), 'x-ratelimit-remaining')).toBe(remaining);
    }
    expect((await get(gateway, pair)).status).toBe(429);
    await owner.setLimit(pair, 500);
    await limitBecomes(500);
    expect((await get(gateway, pair)).status).toBe(200);
    await owner.setLimit(pair, 2);
    await limitBecomes(2);
    const refused = await get(gateway, pair);
    expect([refused.status, whole(refused, 'x-ratelimit-remaining')]).toEqual([429, 0]);
  });
});

const usesRedis = (gateway: TestGateway) =>
  waitFor(async () => /gateway_limits_shared\{[^}]*\} 1/.test(await gateway.metrics()), {
    what: 'Redis to be used',
  });

describe('three gateways that share a Redis', () => {
  beforeEach(async () => {
    service = await startPartnerService();
    const env = { PARTNER_SERVICE_URL: service.url, REDIS_URL: redis.url };
    gateways = await Promise.all([startGateway({ env }), startGateway({ env }), startGateway({ env })]);
    for (const gateway of gateways) await usesRedis(gateway);
  });

  test('let exactly the limit through together', async () => {
    const pair = owner.issue({ limitPerMinute: 100 });
    const answers = await Promise.all(Array.from({ length: 240 }, (_, i) => get(gateways[i % 3], pair)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(140);
    const remaining = answers
      .filter(({ status }) => status === 200)
      .map((answer) => whole(answer, 'x-ratelimit-remaining'));
    // Each place was given once: 99, 98, … 0.
    expect(new Set(remaining).size).toBe(100);
  });

  test('go on alone, by the same limits, while Redis is away, and together again when it is back', async () => {
    const pair = owner.issue({ limitPerMinute: 5 });
    const [first] = gateways;
    expect((await get(first, pair)).status).toBe(200);
    expect(await first?.metrics()).toMatch(/gateway_limits_shared\{[^}]*\} 1/);
    await redis.kill();
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(first, pair)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.every((answer) => whole(answer, 'x-ratelimit-limit') === 5)).toBe(true);
    expect(await first?.metrics()).toMatch(/gateway_limits_shared\{[^}]*\} 0/);
    await redis.restart();
    for (const gateway of gateways) await usesRedis(gateway);
    const fresh = owner.issue({ limitPerMinute: 5 });
    const shared = await Promise.all(Array.from({ length: 12 }, (_, i) => get(gateways[i % 3], fresh)));
    expect(shared.filter(({ status }) => status === 200)).toHaveLength(5);
  });
});

const openStore = async () => {
  const log = createSilentLog();
  const store = createRedisStore({ url: redis.url, clock: systemClock, log, commandTimeoutMs: 30_000 });
  await waitFor(() => store.isShared(), { what: 'Redis' });
  return store;
};

test('a window in Redis ends when it says so, and the next one is whole', async () => {
  service = await startPartnerService();
  const store = await openStore();
  const quota: Quota = {
    group: 'partner',
    caller: newKeyId(),
    windows: [{ limit: 4, lengthMs: 2_000, clockHour: false }],
  };
  const takeMany = async () => {
    const taken = await Promise.all(Array.from({ length: 10 }, () => store.take(quota)));
    return taken.filter((each) => each.taken).length;
  };
  expect(await takeMany()).toBe(4);
  await waitFor(async () => (await store.look(quota)).counts[0]?.count === 0, {
    what: 'the end of the window',
  });
  expect(await takeMany()).toBe(4);
  await store.close();
});

test('a clock hour in Redis ends at :00 of its own time', async () => {
  service = await startPartnerService();
  const store = await openStore();
  const hourMs = 3_600_000;
  const windows = [{ limit: 4, lengthMs: hourMs, clockHour: true }];
  const beforeMs = Date.now();
  const { counts } = await store.take({ group: 'tickets', caller: newKeyId(), windows });
  const afterMs = Date.now();
  const leftMs = counts[0]?.leftMs ?? 0;
  // Asked at some time between: its end lies between two times of which one hour's :00 is, a second more or less.
  const hourAt = (ms: number) => Math.floor((ms + leftMs) / hourMs);
  expect(hourAt(afterMs + 1_000)).toBe(hourAt(beforeMs - 1_000) + 1);
  await store.close();
});
