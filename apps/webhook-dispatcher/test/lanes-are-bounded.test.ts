import { createManualClock } from '@switchboard/contracts';
import { expect, test } from 'vitest';
import type { AttemptResult, Lane } from '../src/domain/deliveries/types.ts';
import { createBacklog } from '../src/domain/engine/backlog.ts';
import { createLanes, type LaneLimits, type Lanes } from '../src/domain/engine/lanes.ts';
import { shareOf } from '../src/domain/engine/share.ts';

const callback = (name: string, changes: Partial<Lane> = {}): Lane => ({
  lane: name,
  owner: 'partner_key:a',
  concurrency: null,
  ratePerSecond: null,
  openUntil: null,
  ...changes,
});
const endpoint = (name: string, changes: Partial<Lane> = {}): Lane =>
  callback(name, { owner: 'account:a', concurrency: 20, ...changes });

const setUp = (limits: Partial<LaneLimits> = {}, share = (_lane: string, whole: number) => whole) => {
  const clock = createManualClock();
  const lanes = createLanes({
    limits: { totalMax: 500, perOwnerMax: 100, perLaneMax: 20, ...limits },
    clock,
    random: () => 0.5,
    share,
  });
  return { clock, lanes };
};
const result = (clock: { now(): Date }, changes: Partial<AttemptResult> = {}): AttemptResult => ({
  outcome: 'succeeded',
  answer: { status: 200, headers: {}, body: '' },
  error: null,
  attemptedAt: clock.now(),
  durationMs: 1,
  ...changes,
});
const answered = (
  clock: { now(): Date },
  status: number,
  headers: Record<string, string> = {},
): AttemptResult =>
  result(clock, {
    outcome: 'failed',
    answer: { status, headers, body: '' },
    error: `HTTP ${status}`,
  });
const timedOut = (clock: { now(): Date }): AttemptResult =>
  result(clock, { outcome: 'failed', answer: null, error: 'timed out after 30000 ms' });
const freeOf = (lanes: Lanes, lane: Lane) => lanes.roomOf(lane).free;

/** As many successes as it takes to trust a lane with all it may have. */
const warm = (lanes: Lanes, clock: { now(): Date }, lane: Lane) => {
  lanes.roomOf(lane);
  for (let count = 0; count < 30; count += 1) lanes.ended(lane.lane, result(clock));
};

test('a stranger gets a few slots, and with every success one more, up to the most', () => {
  const { lanes, clock } = setUp();
  const lane = callback('a');
  expect(freeOf(lanes, lane)).toBe(4);
  lanes.ended('a', result(clock));
  expect(freeOf(lanes, lane)).toBe(5);
  warm(lanes, clock, lane);
  expect(freeOf(lanes, lane)).toBe(20);
  lanes.take(lane, 18);
  expect(freeOf(lanes, lane)).toBe(2);
  lanes.release('a');
  expect(freeOf(lanes, lane)).toBe(3);
});

test('owners who hold all they may leave slots to those who hold little', () => {
  const { lanes } = setUp();
  // Each with so many targets that the first slots of each are all that they need.
  for (const owner of ['a', 'b', 'c', 'd', 'e']) {
    for (let target = 0; target < 100; target += 1) {
      const lane = callback(`${owner}/${target}`, { owner });
      lanes.take(lane, freeOf(lanes, lane));
    }
  }
  expect(lanes.free()).toBe(50);
  expect(lanes.roomOf(callback('e/100', { owner: 'e' })).lacks).toBe('owner');
  const late = callback('late', { owner: 'late' });
  expect(freeOf(lanes, late)).toBe(4);
  for (let target = 0; target < 100; target += 1) {
    const lane = callback(`f/${target}`, { owner: 'f' });
    lanes.take(lane, freeOf(lanes, lane));
  }
  expect(lanes.free()).toBe(40);
});

test('timeouts halve it, once for all that ran side by side, and never below one', () => {
  const { lanes, clock } = setUp();
  const lane = callback('a');
  warm(lanes, clock, lane);
  const together = Array.from({ length: 20 }, () => timedOut(clock));
  clock.advance(30);
  for (const one of together) lanes.ended('a', one);
  expect(freeOf(lanes, lane)).toBe(10);
  for (let round = 0; round < 10; round += 1) {
    const one = timedOut(clock);
    clock.advance(30);
    lanes.ended('a', one);
  }
  expect(freeOf(lanes, lane)).toBe(1);
});

test.each([429, 502, 503, 504])('HTTP %d pauses a lane, longer each time, until a success', (status) => {
  const { lanes, clock } = setUp();
  const lane = callback('a');
  lanes.roomOf(lane);
  const pauses = Array.from({ length: 6 }, () => {
    lanes.ended('a', answered(clock, status));
    const room = lanes.roomOf(lane);
    if (room.lacks !== 'time') throw new Error('it is not paused');
    const ms = room.untilMs - clock.now().getTime();
    clock.advance(ms / 1000);
    return ms;
  });
  expect(pauses).toEqual([375, 750, 1500, 3000, 3750, 3750]);
  expect(freeOf(lanes, lane)).toBe(1);
  lanes.ended('a', result(clock));
  lanes.ended('a', answered(clock, status));
  expect(lanes.roomOf(lane)).toEqual({ free: 0, lacks: 'time', untilMs: clock.now().getTime() + 375 });
});

test('other failures are no sign that it is slow', () => {
  const { lanes, clock } = setUp();
  lanes.roomOf(callback('a'));
  lanes.ended('a', answered(clock, 500));
  lanes.ended('a', result(clock, { outcome: 'failed', answer: null, error: 'connection refused' }));
  expect(freeOf(lanes, callback('a'))).toBe(4);
});

test('Retry-After pauses an endpoint for a minute at most, and a callback for seconds', () => {
  const { lanes, clock } = setUp();
  const untilSeconds = (lane: Lane, retryAfter: string) => {
    lanes.roomOf(lane);
    lanes.ended(lane.lane, answered(clock, 429, { 'retry-after': retryAfter }));
    const room = lanes.roomOf(lane);
    return room.lacks === 'time' ? (room.untilMs - clock.now().getTime()) / 1000 : 0;
  };
  expect(untilSeconds(endpoint('a'), '20')).toBe(20);
  expect(untilSeconds(endpoint('b'), '86400')).toBe(60);
  expect(untilSeconds(callback('c'), '86400')).toBe(5);
  expect(lanes.paused()).toBe(3);
});

test('one owner with any number of names has its own slots, and leaves the others theirs', () => {
  const { lanes } = setUp({ totalMax: 500, perOwnerMax: 100 });
  for (let name = 0; name < 200; name += 1) {
    const lane = callback(`wildcard-${name}`);
    const { free } = lanes.roomOf(lane);
    lanes.take(lane, free);
  }
  expect(lanes.free()).toBe(400);
  expect(lanes.roomOf(callback('one-more')).lacks).toBe('owner');
  expect(freeOf(lanes, callback('b', { owner: 'partner_key:b' }))).toBe(4);
});

test('a rate is one from second to second, also after a silence', () => {
  const { lanes, clock } = setUp();
  const lane = endpoint('a', { ratePerSecond: 10, concurrency: 100 });
  warm(lanes, clock, lane);
  clock.advance(3_600);
  let sent = 0;
  for (let ms = 0; ms < 3_000; ms += 10) {
    const { free } = lanes.roomOf(lane);
    lanes.take(lane, free);
    for (let count = 0; count < free; count += 1) lanes.release('a');
    sent += free;
    clock.advance(0.01);
  }
  expect(sent).toBeGreaterThanOrEqual(29);
  expect(sent).toBeLessThanOrEqual(32);
});

test('a slot that was not needed gives its part of the rate back', () => {
  const { lanes } = setUp();
  const lane = endpoint('a', { ratePerSecond: 1 });
  expect(freeOf(lanes, lane)).toBe(1);
  lanes.take(lane, 1);
  expect(freeOf(lanes, lane)).toBe(0);
  lanes.giveBack(lane, 1);
  expect(freeOf(lanes, lane)).toBe(1);
});

test('an open circuit lets nothing through, then one at a time, then begins as with a stranger', () => {
  const { lanes, clock } = setUp();
  const lane = endpoint('a');
  warm(lanes, clock, lane);
  lanes.learn({ lane: 'a', openUntil: new Date(clock.now().getTime() + 30_000) });
  expect(lanes.roomOf(lane).lacks).toBe('time');
  expect(lanes.open()).toBe(1);
  clock.advance(30);
  expect(freeOf(lanes, lane)).toBe(1);
  lanes.take(lane, 1);
  expect(freeOf(lanes, lane)).toBe(0);
  lanes.ended('a', result(clock));
  lanes.release('a');
  lanes.learn({ lane: 'a', openUntil: null });
  expect(freeOf(lanes, lane)).toBe(4);
  expect(lanes.open()).toBe(0);
});

test('whoever does not know about a circuit does not close it', () => {
  const { lanes, clock } = setUp();
  lanes.roomOf(endpoint('a', { openUntil: new Date(clock.now().getTime() + 30_000) }));
  expect(freeOf(lanes, endpoint('a'))).toBe(0);
});

test('shares make up the whole, and a lane with one to give is at one dispatcher, with its rate', () => {
  for (const count of [1, 2, 3, 7]) {
    const ranks = Array.from({ length: count }, (_, index) => ({ index, count }));
    const firsts = new Set<number>();
    for (let lane = 0; lane < 50; lane += 1) {
      for (const whole of [1, 5, 20, 100]) {
        const shares = ranks.map((rank) => shareOf(`lane-${lane}`, whole, rank));
        expect(shares.reduce((sum, one) => sum + one, 0)).toBe(whole);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }
      const ofOne = ranks.map((rank) => shareOf(`lane-${lane}`, 1, rank));
      firsts.add(ofOne.indexOf(1));
      const mayNotSend = ranks.filter((rank) => shareOf(`lane-${lane}`, 2, rank) === 0);
      for (const rank of mayNotSend) expect(shareOf(`lane-${lane}`, 1, rank)).toBe(0);
    }
    expect(firsts.size).toBe(count);
  }
});

test('without a share nothing is sent, and nothing waits for a time that will not come', () => {
  const { lanes } = setUp({}, () => 0);
  expect(lanes.roomOf(endpoint('a'))).toEqual({ free: 0, lacks: 'slots' });
  expect(freeOf(lanes, callback('b'))).toBe(4);
});

test('lanes that nobody uses are forgotten; those in use never are', () => {
  const { lanes, clock } = setUp({ totalMax: 50_000, perOwnerMax: 50_000 });
  lanes.take(callback('used'), 1);
  for (let name = 0; name < 30_000; name += 1) lanes.roomOf(callback(`name-${name}`));
  expect(lanes.known()).toBeLessThanOrEqual(10_000);
  clock.advance(3_600);
  lanes.forget();
  expect(lanes.known()).toBe(1);
  expect(freeOf(lanes, callback('used'))).toBe(3);
});

test('lanes get their turns in any order of names, however few slots there are', () => {
  const { lanes, clock } = setUp({ totalMax: 3 });
  const backlog = createBacklog(lanes, clock);
  const names = ['z', 'a', 'm', 'b', 'y', '0'];
  for (const name of names) backlog.add(callback(name, { owner: `owner:${name}` }));
  const served: string[] = [];
  for (let turn = 0; turn < 12; turn += 1) {
    const rooms = backlog.next(1);
    served.push(...rooms.map((room) => room.lane.lane));
    // Each has more than anybody can send.
    backlog.claimed(rooms, new Map(rooms.map((room) => [room.lane.lane, room.free])));
    for (const { lane } of rooms) {
      lanes.release(lane.lane);
      backlog.released(lane.lane, lane.owner);
    }
  }
  expect(served).toEqual([...names, ...names]);
});

test('lanes without room cost the others nothing, and are looked at when what they lack may be there', () => {
  const { lanes, clock } = setUp({ perOwnerMax: 5 });
  const backlog = createBacklog(lanes, clock);
  const full = callback('full', { owner: 'owner:full' });
  const rated = endpoint('rated', { ratePerSecond: 2, owner: 'owner:rated' });
  lanes.take(full, 4);
  expect(freeOf(lanes, rated)).toBe(1);
  lanes.take(rated, 1);
  lanes.release('rated');
  lanes.take(callback('busy', { owner: 'owner:many' }), 4);
  lanes.take(callback('busier', { owner: 'owner:many' }), 1);
  const ofMany = callback('waits', { owner: 'owner:many' });
  for (const lane of [full, rated, ofMany, callback('good')]) backlog.add(lane);
  expect(backlog.next(100).map((room) => room.lane.lane)).toEqual(['good']);
  expect(backlog.ready()).toBe(0);
  expect(backlog.nextAtMs()).toBe(clock.now().getTime() + 400);

  lanes.release('full');
  backlog.released('full', 'owner:full');
  expect(backlog.next(100)).toMatchObject([{ lane: { lane: 'full' }, free: 1 }]);
  lanes.release('busy');
  backlog.released('busy', 'owner:many');
  expect(backlog.next(100)).toMatchObject([{ lane: { lane: 'waits' }, free: 1 }]);
  clock.advance(0.4);
  backlog.nextAtMs();
  expect(backlog.next(100)).toMatchObject([{ lane: { lane: 'rated' }, free: 1 }]);
});
