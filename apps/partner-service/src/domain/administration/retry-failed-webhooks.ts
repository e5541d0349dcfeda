import { type Bus, pause } from '@switchboard/bus';
import { partnerEvents, RETRY_DELIVERIES_MAX, webhookRpcs } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf, type Position } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { keyAct } from '../keys/key-act.ts';
import { requireKey } from '../keys/require-key.ts';
import { type AwaitedAttempt, findOutcomes, listGivenUp } from './callback-repository.ts';

/** Callbacks of one request. */
const DELIVERIES_MAX = 1_000;
const POLL_MS = 250;

export interface RetriedWebhooks {
  readonly total: number;
  readonly successful: number;
  readonly failed: number;
  readonly pending: number;
  readonly hasMore: boolean;
}

interface Asked {
  readonly total: number;
  /** Deliveries that were never to be attempted again: what they said is kept no longer. */
  readonly lost: number;
  readonly succeeded: number;
  readonly awaited: readonly AwaitedAttempt[];
  readonly hasMore: boolean;
}

const askForAll = async (data: Data, bus: Pick<Bus, 'request'>, keyId: string): Promise<Asked> => {
  const awaited: AwaitedAttempt[] = [];
  let [total, lost, succeeded] = [0, 0, 0];
  let after: Position | null = null;
  while (total < DELIVERIES_MAX) {
    const batch = await listGivenUp(data.db, keyId, { limit: RETRY_DELIVERIES_MAX, after });
    if (batch.length === 0) break;
    const { deliveries } = await bus.request(webhookRpcs.retry, {
      delivery_ids: batch.map((one) => one.deliveryId),
    });
    total += batch.length;
    for (const { delivery_id: deliveryId, state, attempt_number: attemptNumber } of deliveries) {
      if (state === 'scheduled' || state === 'waiting') awaited.push({ deliveryId, attemptNumber });
      else if (state === 'succeeded') succeeded += 1;
      else lost += 1;
    }
    after = batch.at(-1) ?? null;
    if (batch.length < RETRY_DELIVERIES_MAX) break;
  }
  const rest = total < DELIVERIES_MAX ? [] : await listGivenUp(data.db, keyId, { limit: 1, after });
  return { total, lost, succeeded, awaited, hasMore: rest.length > 0 };
};

/** What became of attempts, by the webhook log, which all replicas share: the outcome may reach another one. */
const awaitOutcomes = async (
  data: Data,
  awaited: readonly AwaitedAttempt[],
  waitMs: number,
): Promise<{ successful: number; failed: number; pending: number }> => {
  const endMs = performance.now() + waitMs;
  let open = awaited;
  let successful = 0;
  let failed = 0;
  for (;;) {
    const outcomes = await findOutcomes(data.db, open);
    const known = new Set(outcomes.map((one) => one.deliveryId));
    const arrived = outcomes.filter((one) => one.success).length;
    successful += arrived;
    failed += outcomes.length - arrived;
    open = open.filter((one) => !known.has(one.deliveryId));
    if (open.length === 0 || performance.now() >= endMs) return { successful, failed, pending: open.length };
    await pause(POLL_MS);
  }
};

/**
 * Has the dispatcher attempt once more all callbacks of a key that were given up, and waits for what becomes of them
 * (partner guide, `retryAllFailedWebhooks`). The act is on record before anything is asked. What goes beyond a last
 * attempt each, such as sending again what has arrived, is the replay of the dispatcher's own administration.
 *
 * @param waitMs for outcomes; those not known by then are pending
 * @throws KEY_NOT_FOUND, SERVICE_UNAVAILABLE when no dispatcher is there
 */
export const retryFailedWebhooks = async (
  data: Data,
  bus: Pick<Bus, 'request'>,
  ctx: AdminContext,
  { keyId, waitMs }: { readonly keyId: string; readonly waitMs: number },
): Promise<RetriedWebhooks> => {
  await transact(data, async ({ trx, emit }) => {
    const key = await requireKey(trx, keyId);
    emit(
      partnerEvents.adminActed,
      adminActOf(ctx, keyAct('retry_webhooks', key, { before: null, after: null })),
    );
  });
  const asked = await askForAll(data, bus, keyId);
  const outcome = await awaitOutcomes(data, asked.awaited, waitMs);
  return {
    total: asked.total,
    successful: outcome.successful + asked.succeeded,
    failed: outcome.failed + asked.lost,
    pending: outcome.pending,
    hasMore: asked.hasMore,
  };
};
