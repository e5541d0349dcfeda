import { backoffMs, pause } from '@switchboard/bus';
import type { Clock } from '@switchboard/contracts';
import type { DueLane, LaneRoom } from '../deliveries/claim-deliveries.ts';
import type {
  AttemptResult,
  DeliveryReference,
  FinishedAttempt,
  Lane,
  LaneHealth,
  Lease,
  LeasedDelivery,
  Reserve,
} from '../deliveries/types.ts';
import { createBacklog } from './backlog.ts';
import type { Lanes } from './lanes.ts';
import { createRecorder } from './recorder.ts';

/** What the engine does to the database. Each call is one transaction or none. */
export interface EngineStore {
  /** What a delivery is stored with that this process begins at once. */
  lease(): Lease;
  /** Lanes that have something due. */
  dueLanes(): Promise<readonly DueLane[]>;
  /** Takes these deliveries under this process's lease, as far as nobody else has. */
  claimOffered(ids: readonly string[]): Promise<readonly LeasedDelivery[]>;
  /** Takes the oldest due ones of lanes; puts lost attempts of others on record on the way. */
  claimWaiting(rooms: readonly LaneRoom[], inHand: readonly string[]): Promise<readonly LeasedDelivery[]>;
  /** Gives what is known about the circuits of their lanes since. */
  record(attempts: readonly FinishedAttempt[]): Promise<readonly LaneHealth[]>;
  extend(ids: readonly string[]): Promise<void>;
  isTransient(error: unknown): boolean;
}

export interface EngineOptions {
  readonly store: EngineStore;
  /** Makes one attempt; never throws. An abort ends it as *lost*. */
  readonly send: (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;
  readonly lanes: Lanes;
  readonly clock: Clock;
  /** How often it looks for what is due: retries, what others left behind, what had no slot when it came. */
  readonly pollMs: number;
  /** How often leases are extended: a third of their length. */
  readonly heartbeatMs: number;
  /** Attempts of others may run in this lane: what they hold is counted at the claim, so that nothing begins without one. */
  readonly isSettling: () => boolean;
  readonly onAttempt: (attempt: FinishedAttempt) => void;
  readonly onTrouble: (error: unknown, doing: string) => void;
}

export interface Engine {
  /** A delivery was just stored and is due: it is sent at once if there is a slot, else when there is one. */
  offer(delivery: DeliveryReference): void;
  /**
   * Takes a slot for a delivery that is about to be stored with the lease that this gives, and then to `begin`. Null: it has
   * to wait for its turn, and is to be offered.
   */
  readonly reserve: Reserve;
  /** Returns a slot whose delivery was not stored after all. */
  giveBack(lane: Lane): void;
  /** Sends what was stored under a lease of `reserve`. */
  begin(deliveries: readonly LeasedDelivery[]): void;
  /** Looks for due deliveries now. */
  poll(): void;
  inFlight(): number;
  /** Since when the oldest delivery was due that nobody had taken at the last look; null: there was none. */
  oldestDueAt(): Date | null;
  /** Resolves when nothing is being claimed, sent or recorded. */
  idle(): Promise<void>;
  /** Claims no more, lets attempts end until the deadline, then gives the others back for whoever comes next. */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

const TROUBLE_BACKOFF = { firstMs: 100, maxMs: 3_000 };
/** How long the outcomes of a stopping process may take to reach the database. */
const RECORD_MS_MAX = 3_000;
/** Most deliveries of one claim: with bodies of up to 1 MB it must not be all that there are slots for. */
const CLAIM_MAX = 100;
/** The walk over all lanes takes this part of the time at most, however many there are. */
const POLL_PART = 10;
/** It is no walk that takes longer than a part of this: somebody stood still, and retries must not wait ten times as long. */
const POLL_PAUSE_MS_MAX = 5_000;
/** Lanes that wait for time alone are looked at no more often than this. */
const WAKE_MS_MIN = 10;

/**
 * The sending engine of one process. A claim takes only what there is a free slot for, so a claimed delivery is on
 * its way at once, and an attempt that is on record as lost may really have been sent.
 */
export const startEngine = (options: EngineOptions): Engine => {
  const { store, lanes, clock } = options;
  const backlog = createBacklog(lanes, clock);
  const inHand = new Map<string, LeasedDelivery>();
  const stopping = new AbortController();
  const givingBack = new AbortController();
  const offered: DeliveryReference[] = [];
  let claiming = false;
  let oldestDueAt: Date | null = null;
  const idleWaiters: (() => void)[] = [];

  // Polls that were asked for count as work: `idle` after `poll` means that all there was is done.
  let polling: Promise<void> | null = null;
  const isIdle = () => !claiming && polling === null && inHand.size === 0 && offered.length === 0;
  const tellIdle = () => {
    if (!isIdle()) return;
    for (const wake of idleWaiters.splice(0)) wake();
  };

  const canClaim = () => lanes.free() > 0 && backlog.ready() > 0;

  const recorder = createRecorder({
    async write(attempts) {
      for (const health of await store.record(attempts)) lanes.learn(health);
    },
    isTransient: (error) => store.isTransient(error),
    onTrouble: (error) => options.onTrouble(error, 'recording attempts'),
    onRecorded: ({ delivery }) => {
      inHand.delete(delivery.id);
      lanes.release(delivery.lane);
      backlog.released(delivery.lane, delivery.owner);
      if (canClaim()) claimLoop();
      tellIdle();
    },
  });

  const attempt = async (delivery: LeasedDelivery) => {
    const result = await options.send(delivery, givingBack.signal);
    const finished = { delivery, result };
    lanes.ended(delivery.lane, result);
    options.onAttempt(finished);
    recorder.add(finished);
  };

  const begin = (deliveries: readonly LeasedDelivery[]) => {
    for (const delivery of deliveries) {
      inHand.set(delivery.id, delivery);
      void attempt(delivery);
    }
  };

  /** Room for one more that nobody has waited for longer. */
  const hasRoom = (lane: Lane) =>
    !backlog.has(lane.lane) &&
    // Each lane whose turn it is has a slot before whatever comes now.
    lanes.free() > backlog.ready() &&
    lanes.roomOf(lane).free > 0 &&
    !(lane.concurrency !== null && options.isSettling());

  // Slots are taken before a claim, so that whatever else begins meanwhile finds them taken.
  const claimOffered = async () => {
    const batch: DeliveryReference[] = [];
    for (const one of offered.splice(0, CLAIM_MAX)) {
      if (hasRoom(one.lane)) {
        lanes.take(one.lane, 1);
        batch.push(one);
      } else backlog.add(one.lane);
    }
    if (batch.length === 0) return;
    let begun: ReadonlySet<string> = new Set();
    try {
      const claimed = await store.claimOffered(batch.map((one) => one.id));
      begun = new Set(claimed.map((delivery) => delivery.id));
      begin(claimed);
    } catch (error) {
      for (const one of batch) backlog.add(one.lane);
      throw error;
    } finally {
      // Not claimed: the poll, or another dispatcher, was quicker.
      for (const one of batch) if (!begun.has(one.id)) lanes.giveBack(one.lane, 1);
    }
  };

  const claimWaiting = async () => {
    const rooms = backlog.next(Math.min(CLAIM_MAX, lanes.free()));
    armWake();
    if (rooms.length === 0) return;
    try {
      const claimed = await store.claimWaiting(rooms, [...inHand.keys()]);
      begin(claimed);
      const byLane = Map.groupBy(claimed, (delivery) => delivery.lane);
      backlog.claimed(rooms, new Map([...byLane].map(([lane, ofLane]) => [lane, ofLane.length])));
    } catch (error) {
      backlog.failed(rooms);
      throw error;
    }
  };

  const claimAll = async () => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        if (offered.length === 0 && !canClaim()) return;
        // In turns: neither new deliveries nor retries wait until the others have no more.
        if (offered.length > 0) await claimOffered();
        if (canClaim()) await claimWaiting();
        failures = 0;
      } catch (error) {
        failures += 1;
        options.onTrouble(error, 'claiming deliveries');
        await pause(backoffMs(failures, TROUBLE_BACKOFF), stopping.signal);
      }
    }
  };

  const claimLoop = () => {
    if (claiming || stopping.signal.aborted) return;
    claiming = true;
    void claimAll().finally(() => {
      claiming = false;
      // Something may have come between the last look and here.
      if (offered.length > 0 || canClaim()) claimLoop();
      tellIdle();
    });
  };

  // For lanes that wait for nothing but time: a rate, a pause, a circuit.
  let wakeTimer: NodeJS.Timeout | undefined;
  const armWake = () => {
    clearTimeout(wakeTimer);
    const atMs = backlog.nextAtMs();
    if (atMs === null || stopping.signal.aborted) return;
    wakeTimer = setTimeout(
      () => {
        armWake();
        if (canClaim()) claimLoop();
      },
      Math.max(WAKE_MS_MIN, atMs - clock.now().getTime()),
    );
  };

  let pollTimer: NodeJS.Timeout | undefined;
  let pollFailures = 0;
  const look = async () => {
    const startedMs = performance.now();
    try {
      const due = await store.dueLanes();
      const now = clock.now();
      const open = due.filter(({ lane }) => lane.openUntil === null || lane.openUntil <= now);
      oldestDueAt = open.reduce<Date | null>(
        (oldest, { dueAt }) => (oldest === null || dueAt < oldest ? dueAt : oldest),
        null,
      );
      for (const { lane } of due) {
        lanes.learn({ lane: lane.lane, openUntil: lane.openUntil });
        backlog.add(lane);
      }
      lanes.forget();
      backlog.recheck();
      claimLoop();
      pollFailures = 0;
    } catch (error) {
      pollFailures += 1;
      options.onTrouble(error, 'looking for due deliveries');
    }
    if (stopping.signal.aborted) return;
    const pauseMs = pollFailures > 0 ? backoffMs(pollFailures, TROUBLE_BACKOFF) : 0;
    clearTimeout(pollTimer);
    pollTimer = setTimeout(
      poll,
      Math.max(
        options.pollMs,
        pauseMs,
        Math.min(POLL_PAUSE_MS_MAX, (performance.now() - startedMs) * POLL_PART),
      ),
    );
  };
  let pollAgain = false;
  const poll = () => {
    if (stopping.signal.aborted) return;
    if (polling !== null) {
      pollAgain = true;
      return;
    }
    polling = look().finally(() => {
      polling = null;
      if (pollAgain) {
        pollAgain = false;
        poll();
      }
      tellIdle();
    });
  };

  let extending = false;
  const heartbeat = async () => {
    if (inHand.size === 0 || extending) return;
    extending = true;
    try {
      await store.extend([...inHand.keys()]);
    } catch (error) {
      options.onTrouble(error, 'extending leases');
    } finally {
      extending = false;
    }
  };
  const heartbeatTimer = setInterval(heartbeat, options.heartbeatMs);

  const idle = async (signal?: AbortSignal) => {
    if (isIdle() || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      idleWaiters.push(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  };

  poll();

  return {
    offer(delivery) {
      if (stopping.signal.aborted) return;
      offered.push(delivery);
      claimLoop();
    },
    reserve(lane) {
      if (stopping.signal.aborted || !hasRoom(lane)) return null;
      lanes.take(lane, 1);
      return store.lease();
    },
    giveBack(lane) {
      lanes.giveBack(lane, 1);
      backlog.released(lane.lane, lane.owner);
      if (canClaim()) claimLoop();
    },
    begin,
    poll,
    inFlight: () => inHand.size,
    oldestDueAt: () => oldestDueAt,
    idle,
    async stop({ deadlineMs }) {
      stopping.abort();
      clearTimeout(pollTimer);
      clearTimeout(wakeTimer);
      offered.splice(0);
      await idle(AbortSignal.timeout(Math.ceil(deadlineMs)));
      givingBack.abort();
      await idle(AbortSignal.timeout(RECORD_MS_MAX));
      clearInterval(heartbeatTimer);
    },
  };
};
