import { backoffMs, pause } from '@switchboard/bus';
import type { Claim, Wanted } from '../deliveries/claim-deliveries.ts';
import type {
  AttemptResult,
  DeliveryReference,
  FinishedAttempt,
  LeasedDelivery,
} from '../deliveries/types.ts';
import { CLAIM_MAX, createBacklog } from './backlog.ts';
import { createRecorder } from './recorder.ts';
import { createSlots, type SlotLimits } from './slots.ts';

/** What the engine does to the database. Each call is one transaction or none. */
export interface EngineStore {
  /** Takes deliveries under this process's lease; puts lost attempts of others on record on the way. */
  claim(wanted: Wanted, inHand: readonly string[]): Promise<readonly Claim[]>;
  record(attempts: readonly FinishedAttempt[]): Promise<void>;
  extend(ids: readonly string[]): Promise<void>;
  isTransient(error: unknown): boolean;
}

export interface EngineOptions {
  readonly store: EngineStore;
  /** Makes one attempt; never throws. An abort ends it as *lost*. */
  readonly send: (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;
  readonly limits: SlotLimits;
  /** How often it looks for what is due: retries, what others left behind, what had no slot when it came. */
  readonly pollMs: number;
  /** How often leases are extended: a third of their length. */
  readonly heartbeatMs: number;
  readonly onAttempt: (attempt: FinishedAttempt) => void;
  readonly onTrouble: (error: unknown, doing: string) => void;
}

export interface Engine {
  /** A delivery was just stored and is due: it is sent at once if there is a slot, else when there is one. */
  offer(delivery: DeliveryReference): void;
  /** Looks for due deliveries now. */
  poll(): void;
  inFlight(): number;
  /** Resolves when nothing is being claimed, sent or recorded. */
  idle(): Promise<void>;
  /** Claims no more, lets attempts end until the deadline, then gives the others back for whoever comes next. */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

const TROUBLE_BACKOFF = { firstMs: 100, maxMs: 3_000 };
/** How long the outcomes of a stopping process may take to reach the database. */
const RECORD_MS_MAX = 3_000;

/**
 * The sending engine of one process. A claim takes only what there is a free slot for, so a claimed delivery is on
 * its way at once, and an attempt that is on record as lost may really have been sent.
 */
export const startEngine = (options: EngineOptions): Engine => {
  const { store, limits } = options;
  const slots = createSlots(limits);
  const backlog = createBacklog(limits.perLaneMax);
  const inHand = new Map<string, LeasedDelivery>();
  const stopping = new AbortController();
  const givingBack = new AbortController();
  const offered: DeliveryReference[] = [];
  let claiming = false;
  const idleWaiters: (() => void)[] = [];

  const isIdle = () => !claiming && inHand.size === 0 && offered.length === 0;
  const tellIdle = () => {
    if (!isIdle()) return;
    for (const wake of idleWaiters.splice(0)) wake();
  };

  const recorder = createRecorder({
    write: (attempts) => store.record(attempts),
    isTransient: (error) => store.isTransient(error),
    onTrouble: (error) => options.onTrouble(error, 'recording attempts'),
    onRecorded: ({ delivery }) => {
      inHand.delete(delivery.id);
      slots.release(delivery.lane);
      if (backlog.waits()) claimLoop();
      tellIdle();
    },
  });

  const attempt = async (delivery: LeasedDelivery) => {
    const result = await options.send(delivery, givingBack.signal);
    const finished = { delivery, result };
    options.onAttempt(finished);
    recorder.add(finished);
  };

  const begin = (claims: readonly Claim[]) => {
    for (const { delivery } of claims) {
      inHand.set(delivery.id, delivery);
      void attempt(delivery);
    }
  };

  // Slots are taken only by the two functions below, which never run at the same time: a claim cannot give more than
  // there is room for.
  const claimOffered = async () => {
    const batch: DeliveryReference[] = [];
    for (const one of offered.splice(0, CLAIM_MAX)) {
      // Where older ones of the lane wait, they go first.
      if (backlog.has(one.lane.lane) || !slots.take(one.lane.lane)) backlog.add(one.lane.lane);
      else batch.push(one);
    }
    if (batch.length === 0) return;
    let begun: ReadonlySet<string> = new Set();
    try {
      const claims = await store.claim({ kind: 'ids', ids: batch.map((one) => one.id) }, []);
      begun = new Set(claims.map((claim) => claim.delivery.id));
      begin(claims);
    } catch (error) {
      for (const one of batch) backlog.add(one.lane.lane);
      throw error;
    } finally {
      // Not claimed: the poll, or another dispatcher, was quicker.
      for (const one of batch) if (!begun.has(one.id)) slots.release(one.lane.lane);
    }
  };

  const claimWaiting = async () => {
    const wanted = backlog.next(slots);
    if (wanted === null) return;
    try {
      const claims = await store.claim(wanted, [...inHand.keys()]);
      for (const { delivery } of claims) slots.take(delivery.lane);
      begin(claims);
      backlog.claimed(
        wanted,
        claims.map((claim) => claim.delivery.lane),
      );
    } catch (error) {
      backlog.failed(wanted);
      throw error;
    }
  };

  const claimAll = async () => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        if (offered.length === 0 && !backlog.canClaim(slots)) return;
        // In turns: neither new deliveries nor retries wait until the others have no more.
        if (offered.length > 0) await claimOffered();
        if (backlog.canClaim(slots)) await claimWaiting();
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
      if (offered.length > 0 || backlog.canClaim(slots)) claimLoop();
      tellIdle();
    });
  };

  const poll = () => {
    backlog.addAll();
    claimLoop();
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

  const pollTimer = setInterval(poll, options.pollMs);
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
    poll,
    inFlight: () => inHand.size,
    idle,
    async stop({ deadlineMs }) {
      stopping.abort();
      clearInterval(pollTimer);
      offered.splice(0);
      await idle(AbortSignal.timeout(Math.ceil(deadlineMs)));
      givingBack.abort();
      await idle(AbortSignal.timeout(RECORD_MS_MAX));
      clearInterval(heartbeatTimer);
    },
  };
};
