import type { webhookRpcs } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';
import { sql } from 'kysely';
import type { z } from 'zod';
import { bodiesSince } from './bodies-since.ts';
import type { Executor } from './executor.ts';
import { callbackLane } from './persist-requests.ts';
import type { DeliveryReference } from './types.ts';

type Retried = z.output<typeof webhookRpcs.retry.reply>['deliveries'][number];

interface DeliveryState {
  readonly id: string;
  readonly lane: string;
  readonly owner: string;
  readonly status: 'pending' | 'succeeded' | 'exhausted';
  readonly attempt_count: number;
  readonly has_body: boolean;
}

/** In the order of ids, so that two questions about the same deliveries wait for each other and do not deadlock. */
const lockCallbacks = async (
  trx: Executor,
  ids: readonly string[],
  { owner, since }: { readonly owner: string | null; readonly since: Date },
): Promise<readonly DeliveryState[]> => {
  const { rows } = await sql<DeliveryState>`
    SELECT d.id, d.lane, d.owner, d.status, d.attempt_count,
      m.body IS NOT NULL AND m.created_at > ${since}::timestamptz AS has_body
    FROM webhook_deliveries d JOIN webhook_messages m ON m.id = d.message_id
    WHERE d.id = ANY (${ids}::uuid[]) AND d.profile = 'partner'
      AND ${owner === null ? sql`true` : sql`d.owner = ${owner}`}
    ORDER BY d.id FOR NO KEY UPDATE OF d`.execute(trx);
  return rows;
};

/** No replay has it any more: one that sent it before has counted it. */
const makeDue = async (trx: Executor, ids: readonly string[], now: Date): Promise<void> => {
  await sql`
    UPDATE webhook_deliveries
    SET status = 'pending', due_at = ${now}::timestamptz, finished_at = NULL, replay_id = NULL
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
 * Puts exhausted callbacks back for one more attempt: their schedule is used up, so that it is the last again if it
 * fails. One that waits, or has arrived, stays as it is; asking twice is as good as once. A replay is what sends
 * deliveries in whatever state again, on a fresh schedule.
 *
 * @param payloadDays how long bodies are kept; one that housekeeping may take within the hour counts as gone
 * @param owner whose they must be; those of others are unknown
 */
export const retryDeliveries = (
  ctx: DataContext<'webhooks'>,
  ids: readonly string[],
  { payloadDays, owner = null }: { readonly payloadDays: number; readonly owner?: string | null },
): Promise<RetriedDeliveries> =>
  transact(ctx, async ({ trx }) => {
    const now = ctx.clock.now();
    const found = await lockCallbacks(trx, ids, { owner, since: bodiesSince(now, payloadDays) });
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
