import type { Bus } from '@switchboard/bus';
import { AppError, partnerEvents, webhookRpcs } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Data } from '../database.ts';
import { findDelivery } from './callback-repository.ts';

export interface RetriedWebhook {
  readonly status: 'scheduled' | 'waiting' | 'succeeded';
  readonly attemptNumber: number;
}

/**
 * Has the dispatcher attempt a callback once more. The act is on record before it is asked: it may do it and its answer
 * get lost, and what was done must not be without its record.
 *
 * @throws DELIVERY_NOT_FOUND, SERVICE_UNAVAILABLE when no dispatcher is there
 */
export const retryWebhook = async (
  data: Data,
  bus: Pick<Bus, 'request'>,
  ctx: AdminContext,
  deliveryId: string,
): Promise<RetriedWebhook> => {
  await transact(data, async ({ trx, emit }) => {
    const delivery = await findDelivery(trx, deliveryId);
    if (!delivery) throw new AppError('DELIVERY_NOT_FOUND');
    const act = {
      action: 'partner_webhook.retry',
      target: { type: 'partner_webhook', id: delivery.deliveryId, name: null },
      before: null,
      after: { job_id: delivery.jobId, partner_key_id: delivery.keyId },
    };
    emit(partnerEvents.adminActed, adminActOf(ctx, act));
  });
  const { deliveries } = await bus.request(webhookRpcs.retry, { delivery_ids: [deliveryId] });
  const [done] = deliveries;
  if (!done || done.state === 'unknown') throw new AppError('DELIVERY_NOT_FOUND');
  if (done.state === 'expired') {
    throw new AppError('DELIVERY_NOT_FOUND', { message: 'What that callback said is kept no longer' });
  }
  return { status: done.state, attemptNumber: done.attempt_number };
};
