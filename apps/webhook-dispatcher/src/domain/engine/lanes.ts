import { backoffMs } from '@switchboard/bus';
import type { Clock } from '@switchboard/contracts';
import { readRetryAfter } from '../deliveries/schedule.ts';
import type { AttemptResult, Lane, LaneHealth } from '../deliveries/types.ts';

export interface LaneLimits {
  /** Most attempts of this process at a time. */
  readonly totalMax: number;
  /** Most attempts at a time for one owner, over all its lanes. */
  readonly perOwnerMax: number;
  /** Most attempts at a time in a lane of callbacks. */
  readonly perLaneMax: number;
}

export interface LanesOptions {
  readonly limits: LaneLimits;
  readonly clock: Clock;
  readonly random: () => number;
  /** This process's part of what a lane takes over all dispatchers. */
  readonly share: (lane: string, whole: number) => number;
}

/** What keeps a lane from sending more. */
export type Room =
  | { readonly free: number; readonly lacks: null }
  /** `slots`: attempts of its own have to end. `owner`: attempts of its owner. `time`: nothing but time, until then. */
  | { readonly free: 0; readonly lacks: 'slots' | 'owner' }
  | { readonly free: 0; readonly lacks: 'time'; readonly untilMs: number };

export interface Lanes {
  /** Slots that are free in all. */
  free(): number;
  roomOf(lane: Lane): Room;
  /** Takes slots for attempts that are about to begin; no more than there is room for. */
  take(lane: Lane, count: number): void;
  /** Returns slots of attempts that did not begin. */
  giveBack(lane: Lane, count: number): void;
  /** An attempt has ended; its slot stays taken until it is on record. */
  ended(lane: string, result: AttemptResult): void;
  release(lane: string): void;
  /** What the database says about the health of lanes, after attempts of whatever dispatcher. */
  learn(health: LaneHealth): void;
  /** Forgets lanes that nothing happened in for long; call it now and then. */
  forget(): void;
  paused(): number;
  open(): number;
  known(): number;
}

/** A lane that nothing is known of begins with so many at a time: what one that hangs can hold at first. */
const WINDOW_FIRST = 4;
const SLOW_DOWN = new Set([429, 502, 503, 504]);
const PAUSE = { firstMs: 500, maxMs: 5_000 };
/** How far a receiver can put off what its lane sends; callbacks keep the times of the guide to within seconds. */
const ENDPOINT_PAUSE_MS_MAX = 60_000;
const CALLBACK_PAUSE_MS_MAX = PAUSE.maxMs;
/** A bucket holds one, and what comes in within this time: a rate is one from second to second, and a late timer loses none. */
const BURST_SECONDS = 0.1;
/** Parts of a token are sums of fractions: 0.1 ten times is not quite one. */
const ALMOST = 1e-6;
const FORGET_AFTER_MS = 600_000;
/** A partner may have any number of names; beyond this the idle ones are forgotten sooner. */
const KNOWN_MAX = 10_000;
/**
 * The last tenth of the slots of a process is for owners that hold less than a fiftieth: however many there are whose
 * receivers all hang, five of them must not be what everybody else waits for.
 */
const RESERVED_PART = 0.1;
const FEW_PART = 0.02;

interface State {
  lane: Lane;
  inFlight: number;
  /** How many at a time its receiver seems to take: grows with every success, halves when it is slow or says so. */
  window: number;
  slowDowns: number;
  /** What began before this time knew nothing of the last slow-down and says nothing new. */
  slowedAtMs: number;
  pausedUntilMs: number;
  tokens: number;
  refilledAtMs: number;
  usedAtMs: number;
}

const saysSlowDown = ({ answer }: AttemptResult): boolean => answer !== null && SLOW_DOWN.has(answer.status);
const timedOut = ({ answer, error }: AttemptResult): boolean =>
  answer === null && error !== null && error.includes('timed out');

/**
 * Decides how many attempts may run where. Bounded are the process, each owner and each lane; a lane further by its rate, by
 * the *window* that its receiver has earned, by a *pause* after answers that ask for one, and by its *circuit*: after many
 * failures in a row nothing is sent for a while, then one attempt at a time until one succeeds. An attempt holds its slot
 * until its outcome is in the database.
 */
export const createLanes = ({ limits, clock, random, share }: LanesOptions): Lanes => {
  const states = new Map<string, State>();
  const usedByOwner = new Map<string, number>();
  let used = 0;

  const nowMs = () => clock.now().getTime();
  const free = () => limits.totalMax - used;

  const fresh = (lane: Lane): State => ({
    lane,
    inFlight: 0,
    window: WINDOW_FIRST,
    slowDowns: 0,
    slowedAtMs: 0,
    pausedUntilMs: 0,
    tokens: Number.POSITIVE_INFINITY,
    refilledAtMs: nowMs(),
    usedAtMs: nowMs(),
  });

  const forgetIdle = (usedBeforeMs: number, down: number) => {
    for (const [name, state] of states) {
      if (states.size <= down) return;
      if (state.inFlight === 0 && state.usedAtMs <= usedBeforeMs) states.delete(name);
    }
  };

  const stateOf = (lane: Lane): State => {
    const known = states.get(lane.lane);
    if (known) {
      // Whoever stored a delivery knows the endpoint's settings, and not always its circuit.
      known.lane = lane.openUntil === null ? { ...lane, openUntil: known.lane.openUntil } : lane;
      return known;
    }
    if (states.size >= KNOWN_MAX) forgetIdle(nowMs(), KNOWN_MAX / 2);
    const state = fresh(lane);
    states.set(lane.lane, state);
    return state;
  };

  const rateOf = ({ lane, ratePerSecond }: Lane) =>
    ratePerSecond === null ? Number.POSITIVE_INFINITY : share(lane, ratePerSecond);

  const refill = (state: State, rate: number, atMs: number) => {
    const gained = (Math.max(0, atMs - state.refilledAtMs) / 1000) * rate;
    state.tokens = Math.min(1 + rate * BURST_SECONDS, state.tokens + gained);
    state.refilledAtMs = atMs;
  };

  const ownerSlotsOf = (owner: string): number => {
    const held = usedByOwner.get(owner) ?? 0;
    const few = Math.floor(limits.totalMax * FEW_PART);
    const reserved = few === 0 ? 0 : Math.floor(limits.totalMax * RESERVED_PART);
    return Math.min(limits.perOwnerMax - held, Math.max(few - held, free() - reserved));
  };

  /** Most at a time: its settings' part of this process, and one in all to see whether a circuit may close. */
  const concurrencyOf = ({ lane, concurrency, openUntil }: Lane): number => {
    if (concurrency === null) return limits.perLaneMax;
    return share(lane, openUntil === null ? concurrency : 1);
  };

  const roomOf = (lane: Lane): Room => {
    const state = stateOf(lane);
    const atMs = nowMs();
    const shut = Math.max(state.pausedUntilMs, state.lane.openUntil?.getTime() ?? 0);
    if (shut > atMs) return { free: 0, lacks: 'time', untilMs: shut };
    const ownSlots = Math.min(concurrencyOf(state.lane), Math.floor(state.window)) - state.inFlight;
    if (ownSlots <= 0) return { free: 0, lacks: 'slots' };
    const ownerSlots = ownerSlotsOf(lane.owner);
    if (ownerSlots <= 0) return { free: 0, lacks: 'owner' };
    const rate = rateOf(state.lane);
    if (rate <= 0) return { free: 0, lacks: 'slots' };
    if (rate < Number.POSITIVE_INFINITY) {
      refill(state, rate, atMs);
      if (state.tokens < 1 - ALMOST) {
        return { free: 0, lacks: 'time', untilMs: atMs + Math.ceil(((1 - state.tokens) / rate) * 1000) };
      }
    }
    const tokens = rate < Number.POSITIVE_INFINITY ? Math.floor(state.tokens + ALMOST) : rate;
    return { free: Math.min(ownSlots, ownerSlots, tokens, Math.max(0, free())), lacks: null };
  };

  const change = (lane: Lane, count: number) => {
    const state = stateOf(lane);
    state.inFlight += count;
    state.tokens -= count;
    state.usedAtMs = nowMs();
    countOwner(lane.owner, count);
  };

  const countOwner = (owner: string, count: number) => {
    used += count;
    const left = (usedByOwner.get(owner) ?? 0) + count;
    if (left > 0) usedByOwner.set(owner, left);
    else usedByOwner.delete(owner);
  };

  const slowDown = (state: State, result: AttemptResult) => {
    const atMs = nowMs();
    // Attempts that ran side by side tell of one moment: they halve once.
    if (result.attemptedAt.getTime() < state.slowedAtMs) return;
    state.slowedAtMs = atMs;
    state.window = Math.max(1, state.window / 2);
    if (!saysSlowDown(result)) return;
    state.slowDowns += 1;
    const max = state.lane.concurrency === null ? CALLBACK_PAUSE_MS_MAX : ENDPOINT_PAUSE_MS_MAX;
    const askedMs = readRetryAfter(result.answer?.headers['retry-after'], new Date(atMs)) * 1000;
    state.pausedUntilMs = atMs + Math.max(Math.min(max, askedMs), backoffMs(state.slowDowns, PAUSE, random));
  };

  const countStates = (fits: (state: State, atMs: number) => boolean): number => {
    const atMs = nowMs();
    let count = 0;
    for (const state of states.values()) if (fits(state, atMs)) count += 1;
    return count;
  };

  return {
    free,
    roomOf,
    take: (lane, count) => change(lane, count),
    giveBack: (lane, count) => change(lane, -count),
    ended(lane, result) {
      const state = states.get(lane);
      if (!state) return;
      if (result.outcome === 'succeeded') {
        state.window = Math.min(state.window + 1, Math.max(limits.perLaneMax, state.lane.concurrency ?? 0));
        state.slowDowns = 0;
      } else if (saysSlowDown(result) || timedOut(result)) slowDown(state, result);
    },
    release(lane) {
      const state = states.get(lane);
      if (!state) return;
      state.inFlight -= 1;
      state.usedAtMs = nowMs();
      countOwner(state.lane.owner, -1);
    },
    learn({ lane, openUntil }) {
      const state = states.get(lane);
      if (!state) return;
      // Closed again: what came up a moment ago is not met with all that waited.
      if (openUntil === null && state.lane.openUntil !== null) state.window = WINDOW_FIRST;
      state.lane = { ...state.lane, openUntil };
    },
    forget: () => forgetIdle(nowMs() - FORGET_AFTER_MS, 0),
    paused: () => countStates((state, atMs) => state.pausedUntilMs > atMs),
    open: () => countStates((state) => state.lane.openUntil !== null),
    known: () => states.size,
  };
};
