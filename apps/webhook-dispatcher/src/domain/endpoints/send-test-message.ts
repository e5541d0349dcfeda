import { AppError, webhookBody, webhookEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { findDeliveryOf } from '../deliveries/find-delivery.ts';
import { readTakers } from '../messages/fan-out-repository.ts';
import { storeForEndpoints } from '../messages/store-for-endpoints.ts';
import { endpointAct } from './endpoint-act.ts';
import { lockSequence } from './endpoint-repository.ts';

const EVENT_TYPE = 'webhook.test';

export interface TestMessage {
  readonly messageId: string;
  readonly deliveryId: string;
}

/**
 * Stores a message that says only that it is a test, for one endpoint whatever event types it takes, with a number like any
 * other, and begins to send it.
 *
 * @throws ENDPOINT_NOT_FOUND; ENDPOINT_DISABLED: it would be kept, and test nothing
 */
export const sendTestMessage = async (
  { data, engine, settings }: Pick<Deps, 'data' | 'engine' | 'settings'>,
  ctx: AdminContext,
  endpointId: string,
): Promise<TestMessage> => {
  const messageId = data.ids.next();
  const { due, deliveryId } = await transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    await lockSequence(trx, endpointId);
    const [endpoint] = await readTakers(trx, [endpointId], now);
    if (!endpoint) throw new AppError('ENDPOINT_NOT_FOUND');
    if (endpoint.status === 'disabled') throw new AppError('ENDPOINT_DISABLED');
    const { owner, environment } = endpoint;
    const body = webhookBody(EVENT_TYPE, now, {
      endpoint_id: endpoint.id,
      message: 'A test from Switchboard',
    });
    const message = { message_id: messageId, owner, event_type: EVENT_TYPE, environment, body };
    const stored = await storeForEndpoints(
      trx,
      [{ message, traceparent: data.trace.current(), takers: [endpoint] }],
      { now, ids: data.ids, schedule: settings.standardScheduleSeconds },
    );
    const change = { before: null, after: { message_id: messageId } };
    emit(webhookEvents.adminActed, adminActOf(ctx, endpointAct('test', endpoint, change)));
    return { due: stored.waiting, deliveryId: await findDeliveryOf(trx, messageId, endpoint.id) };
  });
  for (const one of due) engine.offer(one);
  return { messageId, deliveryId };
};
