import { formatTraceparent, nextTrace, parseTraceparent, webhookEvents } from '@switchboard/contracts';
import { type DataContext, type Emit, isTransientDatabaseError, type Tools, transact } from '@switchboard/db';
import type { EngineStore } from '../engine/engine.ts';
import { type JudgedEndpoints, judgeEndpoints } from '../health/judge-endpoints.ts';
import { tellOwner } from '../messages/tell-owner.ts';
import { noteReplayOutcomes, type ReplayOutcomes } from '../replays/note-outcomes.ts';
import { type Claim, claimDeliveries, extendLeases, findDueLanes } from './claim-deliveries.ts';
import {
  type JudgedAttempt,
  judgeAttempt,
  LOST,
  type RecordedState,
  recordAttempts,
} from './record-attempts.ts';
import type { Schedules } from './schedule.ts';
import type { EndpointChange, FinishedAttempt, Lease, LeasedDelivery } from './types.ts';

export interface DeliveryStoreOptions {
  readonly ctx: DataContext<'webhooks'>;
  /** Names this process in leases; no other may have it. */
  readonly owner: string;
  readonly leaseSeconds: number;
  readonly schedules: Schedules;
  readonly disableAfterHours: number;
  readonly random: () => number;
  /** Attempts of other dispatchers may run in lanes that are this one's now. */
  readonly isSettling: () => boolean;
  /** Told after the commit: where deliveries stand, and what that did to endpoints. */
  readonly onRecorded: (attempts: readonly RecordedAttempt[], changes: readonly EndpointChange[]) => void;
}

export interface RecordedAttempt extends FinishedAttempt {
  readonly state: RecordedState;
}

interface Recorded extends JudgedEndpoints {
  readonly recorded: readonly RecordedAttempt[];
}

const traceOf = ({ delivery }: FinishedAttempt): { readonly traceparent?: string } => {
  const parent = parseTraceparent(delivery.traceparent ?? undefined);
  return parent ? { traceparent: formatTraceparent(nextTrace(parent)) } : {};
};

/** Says what became of an attempt, in the trace of the request that caused the message. */
const emitOutcome = (emit: Emit, attempt: RecordedAttempt): void => {
  const { delivery, result, state } = attempt;
  const { signing } = delivery;
  const data = {
    delivery_id: delivery.id,
    message_id: delivery.messageId,
    profile: signing.profile,
    owner: delivery.owner,
    event_type: delivery.eventType,
    endpoint_id: signing.profile === 'standard' ? signing.endpointId : null,
    sequence: signing.profile === 'standard' ? signing.sequence : null,
    url: delivery.url,
    attempt_number: delivery.attemptNumber,
    http_status: result.answer?.status ?? null,
    duration_ms: result.durationMs ?? 0,
    error_message: result.error,
    attempted_at: result.attemptedAt.toISOString(),
  };
  if (state.status === 'succeeded') emit(webhookEvents.deliverySucceeded, data, traceOf(attempt));
  else if (state.status === 'exhausted') emit(webhookEvents.deliveryExhausted, data, traceOf(attempt));
  else {
    const next = { ...data, next_attempt_at: state.dueAt?.toISOString() ?? null };
    emit(webhookEvents.deliveryFailed, next, traceOf(attempt));
  }
};

/** How many deliveries of each replay are over. */
const replayOutcomes = (attempts: readonly RecordedAttempt[]): readonly ReplayOutcomes[] => {
  const over = attempts.filter(
    ({ delivery, state }) =>
      delivery.replayId !== null && (state.status === 'succeeded' || state.status === 'exhausted'),
  );
  return [...Map.groupBy(over, ({ delivery }) => delivery.replayId)].flatMap(([replayId, ofOne]) => {
    if (replayId === null) return [];
    const successful = ofOne.filter(({ state }) => state.status === 'succeeded').length;
    return [{ replayId, successful, failed: ofOne.length - successful }];
  });
};

/**
 * What the engine does to the database. The clock is this machine's: dispatchers that share a database need clocks
 * that agree to within a lease, else one is taken for dead and its deliveries are sent twice.
 */
export const createDeliveryStore = (options: DeliveryStoreOptions): EngineStore => {
  const { ctx, owner, leaseSeconds, schedules, random } = options;

  const lease = (): Lease => {
    const now = ctx.clock.now();
    return { owner, now, until: new Date(now.getTime() + leaseSeconds * 1000) };
  };

  /** Of callbacks the one who asked is told by event; an owner of endpoints by its other endpoints too. */
  const tellExhausted = (emit: Emit, attempts: readonly RecordedAttempt[], now: Date) => {
    for (const attempt of attempts) {
      const { delivery, result, state } = attempt;
      const { signing } = delivery;
      if (state.status !== 'exhausted' || signing.profile !== 'standard') continue;
      tellOwner(emit, ctx, {
        owner: delivery.owner,
        environment: delivery.environment,
        eventType: 'webhooks.delivery.exhausted',
        exceptEndpointId: signing.endpointId,
        data: {
          delivery_id: delivery.id,
          endpoint_id: signing.endpointId,
          message_id: delivery.messageId,
          event_type: delivery.eventType,
          sequence: signing.sequence,
          attempt_count: delivery.attemptNumber,
          last_error: result.error,
          exhausted_at: now.toISOString(),
        },
        ...traceOf(attempt),
      });
    }
  };

  const recordIn = async (
    tools: Tools<'webhooks'>,
    attempts: readonly FinishedAttempt[],
  ): Promise<Recorded> => {
    const now = ctx.clock.now();
    const judged = attempts.map(({ delivery, result }): JudgedAttempt => {
      return { delivery, result, verdict: judgeAttempt(delivery, result, now, random) };
    });
    const states = await recordAttempts(tools.trx, owner, judged, now);
    const recorded = attempts.flatMap((attempt): RecordedAttempt[] => {
      const state = states.get(attempt.delivery.id);
      return state ? [{ ...attempt, state }] : [];
    });
    for (const attempt of recorded) emitOutcome(tools.emit, attempt);
    tellExhausted(tools.emit, recorded, now);
    await noteReplayOutcomes(tools.trx, replayOutcomes(recorded), now);
    const { disableAfterHours } = options;
    const telling = recorded.filter(({ state }) => !state.hasMoved);
    return { recorded, ...(await judgeEndpoints(tools, telling, { ctx, disableAfterHours, random })) };
  };

  const lostAttempt = ({ delivery, lostSince }: Claim): FinishedAttempt => ({
    delivery,
    result: {
      outcome: 'lost',
      answer: null,
      error: LOST,
      attemptedAt: lostSince ?? ctx.clock.now(),
      durationMs: null,
    },
  });

  /**
   * Puts lost attempts on record before anything is sent again; then their deliveries are taken anew, with the next number,
   * if they are due. Where that fails they stay leased, and come back as lost when the lease is over.
   */
  const takeAnew = async (lost: readonly Claim[]): Promise<readonly LeasedDelivery[]> => {
    try {
      const { done, again } = await transact(ctx, async (tools) => {
        const done = await recordIn(tools, lost.map(lostAttempt));
        const ids = lost.map((claim) => claim.delivery.id);
        return {
          done,
          again: await claimDeliveries(tools.trx, { kind: 'ids', ids }, lease(), [], schedules),
        };
      });
      options.onRecorded(done.recorded, done.changes);
      return again.map((claim) => claim.delivery);
    } catch (error) {
      ctx.log.warn(
        { err: error, deliveries: lost.length },
        'Attempts that another dispatcher lost could not be put on record; trying again when their lease is over',
      );
      return [];
    }
  };

  return {
    lease,
    dueLanes: () => findDueLanes(ctx.db, ctx.clock.now()),
    // The way of what was stored a moment ago: nothing is to be put on record, so one statement is all.
    claimOffered: async (ids) =>
      (await claimDeliveries(ctx.db, { kind: 'ids', ids }, lease(), [], schedules)).map(
        (claim) => claim.delivery,
      ),
    async claimWaiting(rooms, inHand) {
      const wanted = { kind: 'lanes', rooms, countOthers: options.isSettling() } as const;
      const claims = await claimDeliveries(ctx.db, wanted, lease(), inHand, schedules);
      const fresh = claims.filter((claim) => claim.lostSince === null).map((claim) => claim.delivery);
      const lost = claims.filter((claim) => claim.lostSince !== null);
      return lost.length === 0 ? fresh : [...fresh, ...(await takeAnew(lost))];
    },
    async record(attempts) {
      const { recorded, healths, changes } = await transact(ctx, (tools) => recordIn(tools, attempts));
      options.onRecorded(recorded, changes);
      return healths;
    },
    extend: (ids) => extendLeases(ctx.db, lease(), ids),
    isTransient: isTransientDatabaseError,
  };
};
