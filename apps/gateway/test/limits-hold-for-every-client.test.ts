import {
  createManualClock,
  type LimitGroupName,
  type LimitWindow,
  limitGroups,
} from '@switchboard/contracts';
import { createSilentLog } from '@switchboard/service-kit';
import { type OwnRedis, startRedis, waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../src/limits/memory-store.ts';
import { createRedisStore, type SharedLimitStore } from '../src/limits/redis-store.ts';
import type { LimitStore } from '../src/limits/store.ts';
import { type Groups, type Limits, newKeyId, startLimits, type Told } from './support/limited.ts';
import { drawn } from './support/property.ts';

type ManualClock = ReturnType<typeof createManualClock>;
const groupNames = Object.keys(limitGroups) as LimitGroupName[];

/** Small enough that a few requests meet every border; the shapes are those of the contracts, and some worse. */
const windowArbitrary: fc.Arbitrary<LimitWindow> = fc.record({
  name: fc.constantFrom<LimitWindow['name']>('minute', 'hour'),
  limit: fc.option(fc.integer({ min: 1, max: 6 })),
  seconds: fc.constantFrom(1, 7, 60, 3600),
});
const hourArbitrary: fc.Arbitrary<LimitWindow> = fc.record({
  name: fc.constant('hour'),
  limit: fc.option(fc.integer({ min: 1, max: 9 })),
  seconds: fc.constant(3600),
  clockHour: fc.constant<true>(true),
});
const windowsArbitrary = fc.oneof(
  fc.array(windowArbitrary, { minLength: 1, maxLength: 3 }),
  fc.tuple(windowArbitrary, hourArbitrary),
  fc.tuple(hourArbitrary),
);

/** Where in the hour it begins. */
const startArbitrary = fc.integer({ min: 0, max: 3_599_999 }).map((ms) => Date.UTC(2026, 0, 1) + ms);
const stepArbitrary = fc.record({
  gateway: fc.nat(2),
  client: fc.nat(1),
  /** The credential's own limit from now on. */
  limit: fc.option(fc.integer({ min: 1, max: 8 }), { freq: 4 }),
  requests: fc.integer({ min: 1, max: 6 }),
  waitMs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 999 }),
    fc.integer({ min: 1_000, max: 70_000 }),
    fc.integer({ min: 0, max: 3_700_000 }),
  ),
  reads: fc.constantFrom<'x-ratelimit' | 'ratelimit'>('x-ratelimit', 'ratelimit'),
});
const stepsArbitrary = fc.array(stepArbitrary, { minLength: 1, maxLength: 14 });

const withWindows = (group: LimitGroupName, windows: readonly LimitWindow[]): Groups => ({
  ...limitGroups,
  [group]: { ...limitGroups[group], windows },
});

const whole = (told: Told, name: string): number => {
  expect(told.headers[name], name).toMatch(/^\d+$/);
  return Number(told.headers[name]);
};

/** What a client takes from an answer: how many it may still send, and when it may send again. */
const readHeaders = (
  told: Told,
  clock: ManualClock,
  reads: 'x-ratelimit' | 'ratelimit',
  isCallsSurface: boolean,
): { remaining: number; waitMs: number } => {
  if (reads === 'ratelimit') {
    const [, remaining, seconds] = /^"[a-z-]+";r=(\d+);t=(\d+)$/.exec(told.headers.ratelimit ?? '') ?? [];
    return { remaining: Number(remaining), waitMs: Number(seconds) * 1000 };
  }
  const reset = whole(told, 'x-ratelimit-reset') * 1000;
  return {
    remaining: whole(told, 'x-ratelimit-remaining'),
    waitMs: isCallsSurface ? reset : reset - clock.now().getTime(),
  };
};

/** Requests taken in the window that runs at a time, worked out from when each was taken and from nothing else. */
const takenInWindow = (takenMs: readonly number[], window: LimitWindow, nowMs: number): number => {
  const lengthMs = window.seconds * 1000;
  if (window.clockHour) {
    return takenMs.filter((ms) => Math.floor(ms / lengthMs) === Math.floor(nowMs / lengthMs)).length;
  }
  let beganMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const ms of takenMs) {
    if (ms >= beganMs + lengthMs) {
      beganMs = ms;
      count = 0;
    }
    count += 1;
  }
  return nowMs >= beganMs + lengthMs ? 0 : count;
};

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface Setting {
  readonly name: string;
  readonly gateways: number;
  readonly cases: number;
  open(clock: ManualClock): { stores: LimitStore[]; areShared(): boolean; close(): Promise<void> };
}
const settings: Setting[] = [
  {
    name: 'one gateway, counting in memory',
    gateways: 1,
    cases: 100,
    open: (clock) => ({
      stores: [createMemoryStore(clock)],
      areShared: () => true,
      close: async () => {},
    }),
  },
  {
    name: 'three gateways that share a Redis',
    gateways: 3,
    cases: 50,
    open(clock) {
      const log = createSilentLog();
      const options = { url: redis.url, clock, log, usesClock: true, commandTimeoutMs: 60_000 };
      const stores: SharedLimitStore[] = [1, 2, 3].map(() => createRedisStore(options));
      return {
        stores,
        areShared: () => stores.every((store) => store.isShared()),
        close: async () => void (await Promise.all(stores.map((store) => store.close()))),
      };
    },
  },
];

describe.each(settings)('$name', ({ gateways, cases, open }) => {
  const clock = createManualClock();
  const groups: Groups = { ...limitGroups };
  let shared: ReturnType<Setting['open']>;
  let fronts: Limits[];
  beforeAll(async () => {
    shared = open(clock);
    fronts = shared.stores.map((store) => startLimits({ store, clock, groups }));
    expect(fronts).toHaveLength(gateways);
    await waitFor(() => shared.areShared(), { what: 'Redis' });
  });
  afterAll(async () => {
    for (const front of fronts) await front.close();
    await shared.close();
  });

  /** Servers are built once; what they hold callers to is another in each case. */
  const inCase = async (startMs: number, caseGroups: Groups, body: () => Promise<void>): Promise<void> => {
    clock.set(new Date(startMs).toISOString());
    Object.assign(groups, caseGroups);
    try {
      await body();
    } catch (error) {
      // A machine so busy that Redis does not answer in time says nothing about limits.
      expect(shared.areShared(), 'Redis answered').toBe(true);
      throw error;
    }
  };

  const group = fc.constantFrom(
    ...groupNames.filter((name) => limitGroups[name].keyedBy !== 'address+email'),
  );

  test('a client that obeys the headers never sees 429', async () => {
    const property = fc.asyncProperty(
      startArbitrary,
      group,
      windowsArbitrary,
      stepsArbitrary,
      async (startMs, name, windows, steps) => {
        await inCase(startMs, withWindows(name, windows), async () => {
          const keyIds = [newKeyId(), newKeyId()];
          const limits = [5, 5];
          const mayBeSurprised = [false, false];
          const quiet = new Map<number, { remaining: number; untilMs: number }>();
          for (const step of steps) {
            const { client, gateway } = step;
            const front = fronts[gateway % fronts.length];
            if (step.limit !== null) {
              mayBeSurprised[client] ||= step.limit < (limits[client] ?? 0);
              limits[client] = step.limit;
            }
            for (let sent = 0; sent < step.requests; sent += 1) {
              const known = quiet.get(client);
              if (known?.remaining === 0) {
                clock.advance(Math.max(0, known.untilMs - clock.now().getTime()) / 1000);
              }
              const keyId = keyIds[client] ?? '';
              const told = await front?.send({ group: name, keyId, limit: limits[client] ?? null });
              if (!told) throw new Error('no gateway');
              // What was told before a limit was lowered is no longer true, once.
              if (!mayBeSurprised[client]) expect(told.status).toBe(200);
              mayBeSurprised[client] = false;
              const read = readHeaders(told, clock, step.reads, name === 'calls');
              quiet.set(client, {
                remaining: read.remaining,
                untilMs: clock.now().getTime() + read.waitMs,
              });
            }
            clock.advance(step.waitMs / 1000);
          }
        });
      },
    );
    await fc.assert(property, drawn(cases));
  });

  test('one that does not gets exactly the limit in every window, not one more and not one less', async () => {
    const property = fc.asyncProperty(
      startArbitrary,
      group,
      windowsArbitrary,
      stepsArbitrary,
      async (startMs, name, windows, steps) => {
        await inCase(startMs, withWindows(name, windows), async () => {
          const clients = [0, 1].map(() => ({ keyId: newKeyId(), limit: 5, takenMs: [] as number[] }));
          for (const [index, step] of steps.entries()) {
            const client = clients[step.client];
            if (!client) throw new Error('no client');
            client.limit = step.limit ?? client.limit;
            for (let sent = 0; sent < step.requests; sent += 1) {
              const nowMs = clock.now().getTime();
              const counts = windows.map((window) => takenInWindow(client.takenMs, window, nowMs));
              const hasRoom = windows.every(
                (window, at) => (counts[at] ?? 0) < (window.limit ?? client.limit),
              );
              const front = fronts[(step.gateway + index + sent) % fronts.length];
              const told = await front?.send({ group: name, keyId: client.keyId, limit: client.limit });
              expect([told?.status, told?.counted]).toEqual(hasRoom ? [200, true] : [429, false]);
              if (hasRoom) client.takenMs.push(nowMs);
              const left = windows.map((window, at) =>
                Math.max(0, (window.limit ?? client.limit) - (counts[at] ?? 0) - (hasRoom ? 1 : 0)),
              );
              expect(Number(told?.headers['x-ratelimit-remaining'])).toBe(Math.min(...left));
              expect(told?.headers['retry-after'] !== undefined).toBe(!hasRoom);
            }
            clock.advance(step.waitMs / 1000);
          }
        });
      },
    );
    await fc.assert(property, drawn(cases));
  });

  // Thousands of requests say nothing that hundreds do not.
  const countable = groupNames.filter((name) => {
    const [first]: readonly LimitWindow[] = limitGroups[name].windows;
    return (first?.limit ?? 0) <= 1_000;
  });
  test.each(countable)('the group %s as it is', async (name) => {
    await inCase(Date.UTC(2026, 0, 1, 12, 59, 17, 300), limitGroups, async () => {
      const own = 20;
      const limit = Math.min(...limitGroups[name].windows.map((window: LimitWindow) => window.limit ?? own));
      const send = async (keyId: string, at: number): Promise<Told> => {
        const told = await fronts[at % fronts.length]?.send({ group: name, keyId, limit: own });
        if (!told) throw new Error('no gateway');
        return told;
      };
      const greedy = newKeyId();
      for (let sent = 0; sent < limit + 5; sent += 1) {
        const told = await send(greedy, sent);
        expect([sent, told.status]).toEqual([sent, sent < limit ? 200 : 429]);
      }
      // What counts by address is one caller here: the next window is the obedient one's.
      clock.advance(limitGroups[name].keyedBy === 'address+email' ? 60 : 0);
      const obedient = newKeyId();
      for (let sent = 0; sent < limit * 2; sent += 1) {
        const told = await send(obedient, sent);
        expect(told.status).toBe(200);
        const { remaining, waitMs } = readHeaders(told, clock, 'x-ratelimit', name === 'calls');
        if (remaining === 0) clock.advance(waitMs / 1000);
      }
    });
  });
});
