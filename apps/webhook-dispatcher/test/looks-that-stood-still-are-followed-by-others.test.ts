import { systemClock } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, test, vi } from 'vitest';
import { type Engine, type EngineStore, startEngine } from '../src/domain/engine/engine.ts';
import { createLanes } from '../src/domain/engine/lanes.ts';

/** As when the process, or Postgres, stood still within a look. */
const STANDSTILL_MS = 60_000;

let engine: Engine | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await engine?.stop({ deadlineMs: 0 });
});

const never = () => Promise.reject(new Error('nothing is due'));

const startWith = (dueLanes: EngineStore['dueLanes']): Engine =>
  startEngine({
    store: {
      lease: () => {
        throw new Error('nothing is due');
      },
      dueLanes,
      claimOffered: never,
      claimWaiting: never,
      record: never,
      extend: never,
      isTransient: () => true,
    },
    send: never,
    lanes: createLanes({
      limits: { totalMax: 1, perOwnerMax: 1, perLaneMax: 1 },
      clock: systemClock,
      random: Math.random,
      share: (_lane, whole) => whole,
    }),
    clock: systemClock,
    pollMs: 10,
    heartbeatMs: 60_000,
    isSettling: () => false,
    onAttempt: () => undefined,
    onTrouble: () => undefined,
  });

test.each([
  ['found nothing', () => Promise.resolve([])],
  ['failed', () => Promise.reject(new Error('Query read timeout'))],
])(
  'a look that stood still for a minute and then %s is followed by another before ten have passed',
  async (_how, end) => {
    const realNow = performance.now.bind(performance);
    let stoodStillMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => realNow() + stoodStillMs);
    let looks = 0;
    engine = startWith(() => {
      looks += 1;
      if (looks === 1) stoodStillMs += STANDSTILL_MS;
      return end();
    });
    await waitFor(() => looks > 1, { what: 'the next look' });
  },
);
