import { AppError, webhookAdminRoutes, webhookBody, webhookEvents } from '@switchboard/contracts';
import type { IdempotentAnswer } from '@switchboard/db';
import { adminActOf } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { type RepeatableContext, runAdminOnce } from '../administration/run-admin-once.ts';
import { findDeliveryOf } from '../deliveries/find-delivery.ts';
import type { DeliveryReference } from '../deliveries/types.ts';
import { readTakers } from '../messages/fan-out-repository.ts';
import { storeForEndpoints } from '../messages/store-for-endpoints.ts';
import { endpointAct } from './endpoint-act.ts';
import { lockSequence } from './endpoint-repository.ts';

const EVENT_TYPE = 'webhook.test';

const route = webhookAdminRoutes.testEndpoint;
const answerSchema = route.responses[202].schema;

/**
 * Stores a message that says only that it is a test, for one endpoint whatever event types it takes, with a number like any
 * other, and begins to send it; once for each idempotency key.
 *
 * @throws ENDPOINT_NOT_FOUND; ENDPOINT_DISABLED: it would be kept, and test nothing; DUPLICATE_REQUEST
 */
export const sendTestMessage = async (
  { data, engine, settings }: Pick<Deps, 'data' | 'engine' | 'settings'>,
  ctx: RepeatableContext,
  endpointId: string,
): Promise<IdempotentAnswer<z.output<typeof answerSchema>>> => {
  let due: readonly DeliveryReference[] = [];
  const answer = await runAdminOnce(
    data,
    ctx,
    { route, request: { endpoint_id: endpointId.toLowerCase() }, status: 202, answer: answerSchema },
    async ({ trx, emit }) => {
      const now = data.clock.now();
      const messageId = data.ids.next();
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
      due = stored.waiting;
      return { message_id: messageId, delivery_id: await findDeliveryOf(trx, messageId, endpoint.id) };
    },
  );
  for (const one of due) engine.offer(one);
  return answer;
};
