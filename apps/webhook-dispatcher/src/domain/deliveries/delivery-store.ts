import { formatTraceparent, nextTrace, parseTraceparent, webhookEvents } from '@switchboard/contracts';
import { type DataContext, type Emit, isTransientDatabaseError, transact } from '@switchboard/db';
import type { EngineStore } from '../engine/engine.ts';
import { type Claim, claimDeliveries, extendLeases, type Lease } from './claim-deliveries.ts';
import { type JudgedAttempt, judgeAttempt, recordAttempts } from './record-attempts.ts';
import type { Schedules } from './schedule.ts';
import type { FinishedAttempt } from './types.ts';

export interface DeliveryStoreOptions {
  readonly ctx: DataContext<'webhooks'>;
  /** Names this process in leases; no other may have it. */
  readonly owner: string;
  readonly leaseSeconds: number;
  readonly schedules: Schedules;
}

export const LOST = 'outcome unknown: the dispatcher ended during the attempt';

/** Says what became of an attempt, in the trace of the request that caused the message. */
const emitOutcome = (emit: Emit, { delivery, result, verdict }: JudgedAttempt): void => {
  const data = {
    delivery_id: delivery.id,
    message_id: delivery.messageId,
    profile: delivery.signing.profile,
    owner: delivery.owner,
    event_type: delivery.eventType,
    endpoint_id: delivery.signing.profile === 'standard' ? delivery.signing.endpointId : null,
    sequence: delivery.signing.profile === 'standard' ? delivery.signing.sequence : null,
    url: delivery.url,
    attempt_number: delivery.attemptNumber,
    http_status: result.answer?.status ?? null,
    duration_ms: result.durationMs ?? 0,
    error_message: result.error,
    attempted_at: result.attemptedAt.toISOString(),
  };
  const parent = parseTraceparent(delivery.traceparent ?? undefined);
  const options = parent ? { traceparent: formatTraceparent(nextTrace(parent)) } : {};
  if (verdict.status === 'succeeded') emit(webhookEvents.deliverySucceeded, data, options);
  else if (verdict.dueAt === null) emit(webhookEvents.deliveryExhausted, data, options);
  else {
    const next = { ...data, next_attempt_at: verdict.dueAt.toISOString() };
    emit(webhookEvents.deliveryFailed, next, options);
  }
};

/**
 * What the engine does to the database. The clock is this machine's: dispatchers that share a database need clocks
 * that agree to within a lease, else one is taken for dead and its deliveries are sent twice.
 */
export const createDeliveryStore = (options: DeliveryStoreOptions): EngineStore => {
  const { ctx, owner, leaseSeconds, schedules } = options;

  const lease = (): Lease => {
    const now = ctx.clock.now();
    return { owner, now, until: new Date(now.getTime() + leaseSeconds * 1000) };
  };

  const recordIn = async (
    { trx, emit }: { trx: Parameters<typeof recordAttempts>[0]; emit: Emit },
    attempts: readonly FinishedAttempt[],
  ) => {
    const now = ctx.clock.now();
    const judged = attempts.map(({ delivery, result }): JudgedAttempt => {
      return { delivery, result, verdict: judgeAttempt(delivery, result, now) };
    });
    const written = await recordAttempts(trx, owner, judged, now);
    for (const one of judged) if (written.has(one.delivery.id)) emitOutcome(emit, one);
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

  return {
    async claim(wanted, inHand) {
      // The way of every first attempt: nothing is to be put on record, so one statement is all.
      if (wanted.kind === 'ids') return claimDeliveries(ctx.db, wanted, lease(), inHand, schedules);
      return transact(ctx, async (tools) => {
        const claims = await claimDeliveries(tools.trx, wanted, lease(), inHand, schedules);
        const lost = claims.filter((claim) => claim.lostSince !== null);
        if (lost.length === 0) return claims;
        // On record before anything is sent again; then they are taken anew, with the next number, if they are due.
        await recordIn(tools, lost.map(lostAttempt));
        const ids = lost.map((claim) => claim.delivery.id);
        const again = await claimDeliveries(tools.trx, { kind: 'ids', ids }, lease(), inHand, schedules);
        return [...claims.filter((claim) => claim.lostSince === null), ...again];
      });
    },
    record: (attempts) => transact(ctx, (tools) => recordIn(tools, attempts)),
    extend: (ids) => extendLeases(ctx.db, lease(), ids),
    isTransient: isTransientDatabaseError,
  };
};
