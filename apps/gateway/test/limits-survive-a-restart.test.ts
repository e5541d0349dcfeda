import type { Bus } from '@switchboard/bus';
import {
  createManualClock,
  createUuidV7Ids,
  gatewayEvents,
  type RequestRecord,
  ticketRpcs,
} from '@switchboard/contracts';
import { createSilentLog } from '@switchboard/service-kit';
import { type OwnRedis, patientBus, resetNats, startRedis, waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { continueFromLog } from '../src/limits/earlier-counts.ts';
import { createLimitStore } from '../src/limits/index.ts';
import { createMemoryStore } from '../src/limits/memory-store.ts';
import type { LimitStore, Quota } from '../src/limits/store.ts';
import { connectTestBus, startGateway } from './support/gateway.ts';
import { createKeyOwner } from './support/keys.ts';
import { limitedRoute } from './support/limited.ts';
import { drawn } from './support/property.ts';
import { startPartnerService } from './support/upstream.ts';

const HOUR_MS = 3_600_000;
const ids = createUuidV7Ids();
const log = createSilentLog();
const clock = createManualClock();
let bus: Bus;
let redis: OwnRedis;
beforeAll(async () => {
  await resetNats();
  bus = patientBus(await connectTestBus());
  redis = await startRedis();
});
afterAll(async () => {
  await redis.stop();
  await bus.close();
});
beforeEach(() => clock.set('2026-01-01T12:30:00.000Z'));

/** Who keeps the log of tokens, over the real NATS. */
const createLogOwner = () => {
  const counted = new Map<string, number>();
  const asked: { token_id: string; hour_started_at: string }[] = [];
  const answer = () =>
    bus.respond(ticketRpcs.hourUsage, async (question) => {
      asked.push(question);
      return { counted: counted.get(question.token_id) ?? 0 };
    });
  let responder: ReturnType<typeof answer> | null = answer();
  return {
    counted,
    asked,
    leave: async () => {
      await responder?.stop();
      responder = null;
    },
    comeBack: () => {
      responder = answer();
    },
  };
};
type LogOwner = ReturnType<typeof createLogOwner>;

let owner: LogOwner;
beforeEach(() => {
  owner = createLogOwner();
});
afterEach(() => owner.leave());

const quotaOf = (caller: string, limit = 10): Quota => ({
  group: 'tickets',
  caller,
  windows: [{ limit, lengthMs: HOUR_MS, clockHour: true }],
});
const countOf = async (store: LimitStore, caller: string) =>
  (await store.look(quotaOf(caller))).counts[0]?.count;
const take = async (store: LimitStore, caller: string): Promise<number | 'refused'> => {
  const { taken, counts } = await store.take(quotaOf(caller));
  return taken ? (counts[0]?.count ?? 0) : 'refused';
};

describe('a gateway that starts without Redis', () => {
  test('goes on from what the log knows of the running hour, and asks once however many requests come', async () => {
    const token = ids.next();
    owner.counted.set(token, 7);
    const store = createLimitStore({ redisUrl: undefined, bus, clock, log });
    const answers = await Promise.all(Array.from({ length: 6 }, () => take(store, token)));
    expect(answers).toEqual([8, 9, 10, 'refused', 'refused', 'refused']);
    expect(owner.asked).toEqual([{ token_id: token, hour_started_at: '2026-01-01T12:00:00.000Z' }]);
    await store.close();
  });

  test('tells it before anything is counted too, and asks for each credential apart', async () => {
    const [busy, idle] = [ids.next(), ids.next()];
    owner.counted.set(busy, 25);
    const store = createLimitStore({ redisUrl: undefined, bus, clock, log });
    expect([await countOf(store, busy), await take(store, busy)]).toEqual([25, 'refused']);
    expect([await countOf(store, idle), await take(store, idle)]).toEqual([0, 1]);
    await store.close();
  });

  test('asks nothing of an hour in which nobody before it can have counted', async () => {
    const token = ids.next();
    owner.counted.set(token, 7);
    const store = createLimitStore({ redisUrl: undefined, bus, clock, log });
    clock.set('2026-01-01T13:00:00.000Z');
    expect([await take(store, token), owner.asked]).toEqual([1, []]);
    await store.close();
  });

  test('but of one that began while the gateway before it may have drained', async () => {
    const token = ids.next();
    owner.counted.set(token, 2);
    clock.set('2026-01-01T12:59:40.000Z');
    const store = createLimitStore({ redisUrl: undefined, bus, clock, log });
    clock.set('2026-01-01T13:00:05.000Z');
    expect(await take(store, token)).toBe(3);
    expect(owner.asked).toEqual([{ token_id: token, hour_started_at: '2026-01-01T13:00:00.000Z' }]);
    await store.close();
  });

  test('serves at once when nobody answers, and adds the rest later without counting a request twice', async () => {
    const token = ids.next();
    await owner.leave();
    const store = continueFromLog({
      store: createMemoryStore(clock),
      questions: {
        tickets: async (token_id, at) => {
          const question = { token_id, hour_started_at: at.toISOString() };
          return (await bus.request(ticketRpcs.hourUsage, question, { timeoutMs: 2_000 })).counted;
        },
      },
      clock,
      log,
      askAgainSeconds: Array.from({ length: 1_000 }, () => 0.02),
    });
    expect([await take(store, token), await take(store, token), await take(store, token)]).toEqual([1, 2, 3]);
    // 4 of the process before, and 2 of the 3 of this one: who is who is not known.
    owner.counted.set(token, 6);
    owner.comeBack();
    await waitFor(async () => (await countOf(store, token)) === 6, { what: 'the answer' });
    const asked = owner.asked.length;
    await waitFor(() => owner.asked.length > asked + 1, { what: 'more questions' });
    expect(await countOf(store, token)).toBe(6);
    // The third is in the log now.
    owner.counted.set(token, 7);
    await waitFor(async () => (await countOf(store, token)) === 7, { what: 'the rest' });
    expect([await take(store, token), await take(store, token)]).toEqual([8, 9]);
    // A minute after the start the log of the process before is whole: what it says then is the last word.
    clock.advance(61);
    owner.counted.set(token, 9);
    const before = owner.asked.length;
    await waitFor(() => owner.asked.length > before, { what: 'the last question' });
    expect([await take(store, token), await take(store, token)]).toEqual([10, 'refused']);
    store.close();
  });

  test('with Redis there is nothing to ask', async () => {
    const token = ids.next();
    owner.counted.set(token, 7);
    const store = createLimitStore({ redisUrl: redis.url, bus, clock, log, redisTimeoutMs: 30_000 });
    await waitFor(() => store.isShared(), { what: 'Redis' });
    expect([await take(store, token), owner.asked]).toEqual([1, []]);
    await store.close();
    const next = createLimitStore({ redisUrl: redis.url, bus, clock, log, redisTimeoutMs: 30_000 });
    await waitFor(() => next.isShared(), { what: 'Redis' });
    expect(await take(next, token)).toBe(2);
    await next.close();
  });
});

test('however late the log is: never more than was sent is counted, and all of it once the log is whole', () => {
  const events = fc.array(fc.constantFrom('take', 'log earlier', 'log own', 'ask', 'answer'), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), events, (earlier, drawnEvents) => {
      const store = createMemoryStore(clock);
      const quota = quotaOf('token', 1_000);
      const hourEndMs = Date.parse('2026-01-01T13:00:00.000Z');
      const logged = { earlier: 0, own: 0 };
      let taken = 0;
      const answers: number[] = [];
      const count = () => store.look(quota).counts[0]?.count ?? 0;
      const deliver = () => {
        const answer = answers.shift();
        if (answer !== undefined) store.addEarlier(quota, hourEndMs, answer);
      };
      for (const event of drawnEvents) {
        if (event === 'take' && store.take(quota).taken) taken += 1;
        if (event === 'log earlier') logged.earlier = Math.min(earlier, logged.earlier + 1);
        if (event === 'log own') logged.own = Math.min(taken, logged.own + 1);
        if (event === 'ask') answers.push(logged.earlier + logged.own);
        if (event === 'answer') deliver();
        expect(count()).toBeGreaterThanOrEqual(taken);
        expect(count()).toBeLessThanOrEqual(earlier + taken);
      }
      while (answers.length > 0) deliver();
      store.addEarlier(quota, hourEndMs, earlier + taken);
      expect(count()).toBe(earlier + taken);
    }),
    drawn(200),
  );
});

test('the whole way: a gateway is killed, the next one asks the log that the first one wrote', async () => {
  const service = await startPartnerService({ clock });
  const keys = createKeyOwner(bus);
  const records: RequestRecord[] = [];
  const listening = bus.subscribe(
    gatewayEvents.requestCompleted,
    ({ requests }) => {
      for (const record of requests) {
        records.push(record);
        const { credential_id: id, counted } = record;
        if (id && counted) owner.counted.set(id, (owner.counted.get(id) ?? 0) + 1);
      }
    },
    { partition: 'partner-service' },
  );
  const route = {
    ...limitedRoute('tickets', '/api/partner/v1/health'),
    method: 'GET' as const,
    surface: 'partner' as const,
    credentials: ['partner_key' as const],
  };
  const pair = keys.issue({ limitPerMinute: 5 });
  const start = () => startGateway({ clock, routes: [route], env: { PARTNER_SERVICE_URL: service.url } });
  const ask = async (url: string) => {
    const answer = await fetch(`${url}/api/partner/v1/health`, { headers: pair.headers });
    await answer.body?.cancel();
    return [answer.status, answer.headers.get('x-ratelimit-remaining')];
  };
  const first = await start();
  for (const remaining of ['4', '3', '2']) expect(await ask(first.url)).toEqual([200, remaining]);
  await waitFor(() => records.length === 3, { what: 'the log of the first gateway' });
  await first.close();
  const second = await start();
  expect(await ask(second.url)).toEqual([200, '1']);
  expect(await ask(second.url)).toEqual([200, '0']);
  expect(await ask(second.url)).toEqual([429, '0']);
  await waitFor(() => records.length === 6, { what: 'the log of the second gateway' });
  // What was refused took nothing, and the log says so.
  expect(records.map(({ status, counted }) => [status, counted])).toEqual([
    ...Array.from({ length: 5 }, () => [200, true]),
    [429, false],
  ]);
  clock.set('2026-01-01T13:00:00.000Z');
  expect(await ask(second.url)).toEqual([200, '4']);
  await second.close();
  listening.stop();
  await keys.leave();
  await service.close();
});
