import type { webhookRpcs } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from './executor.ts';
import { callbackLane } from './persist-requests.ts';
import type { DeliveryReference } from './types.ts';

type Retried = z.output<typeof webhookRpcs.retry.reply>['deliveries'][number];

interface DeliveryState {
  readonly id: string;
  readonly lane: string;
  readonly owner: string;
  readonly status: 'pending' | 'held' | 'succeeded' | 'exhausted' | 'cancelled';
  readonly attempt_count: number;
  readonly has_body: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** In the order of ids, so that two questions about the same deliveries wait for each other and do not deadlock. */
const lockDeliveries = async (
  trx: Executor,
  ids: readonly string[],
  bodiesSince: Date,
): Promise<readonly DeliveryState[]> => {
  const { rows } = await sql<DeliveryState>`
    SELECT d.id, d.lane, d.owner, d.status, d.attempt_count,
      m.body IS NOT NULL AND m.created_at > ${bodiesSince}::timestamptz AS has_body
    FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
    WHERE d.id = ANY (${ids}::uuid[]) AND d.profile = 'partner'
    ORDER BY d.id FOR UPDATE OF d`.execute(trx);
  return rows;
};

const makeDue = async (trx: Executor, ids: readonly string[], now: Date): Promise<void> => {
  await sql`
    UPDATE webhook_deliveries SET status = 'pending', due_at = ${now}::timestamptz, finished_at = NULL
    WHERE id = ANY (${ids}::uuid[])`.execute(trx);
};

const answerOf = (delivery: DeliveryState): Retried => {
  const { id: delivery_id, status, attempt_count, has_body } = delivery;
  if (status === 'succeeded') return { delivery_id, state: 'succeeded', attempt_number: attempt_count };
  if (status === 'pending') return { delivery_id, state: 'waiting', attempt_number: attempt_count + 1 };
  return has_body
    ? { delivery_id, state: 'scheduled', attempt_number: attempt_count + 1 }
    : { delivery_id, state: 'expired', attempt_number: attempt_count };
};

export interface RetriedDeliveries {
  readonly answers: readonly Retried[];
  /** Those that are due now. */
  readonly due: readonly DeliveryReference[];
}

/**
 * Puts exhausted deliveries back for one more attempt: their schedule is used up, so that it is the last again if it
 * fails. A delivery that waits, or has arrived, stays as it is; asking twice is as good as once. The replay of
 * deliveries in whatever state, with an audience and a pace of its own, is to be built beside this, not into it.
 *
 * @param payloadDays how long bodies are kept; one that housekeeping may take within the hour counts as gone
 */
export const retryDeliveries = (
  ctx: DataContext<'webhooks'>,
  ids: readonly string[],
  { payloadDays }: { readonly payloadDays: number },
): Promise<RetriedDeliveries> =>
  transact(ctx, async ({ trx }) => {
    const now = ctx.clock.now();
    const bodiesSince = new Date(now.getTime() - payloadDays * DAY_MS + HOUR_MS);
    const found = await lockDeliveries(trx, ids, bodiesSince);
    const byId = new Map(found.map((delivery) => [delivery.id, delivery]));
    const answers = [...new Set(ids.map((id) => id.toLowerCase()))].map((id): Retried => {
      const delivery = byId.get(id);
      return delivery ? answerOf(delivery) : { delivery_id: id, state: 'unknown', attempt_number: 0 };
    });
    const scheduled = new Set(
      answers.filter((one) => one.state === 'scheduled').map((one) => one.delivery_id),
    );
    const due = found.filter((delivery) => scheduled.has(delivery.id));
    if (due.length > 0) await makeDue(trx, [...scheduled], now);
    return { answers, due: due.map(({ id, lane, owner }) => ({ id, lane: callbackLane(lane, owner) })) };
  });
