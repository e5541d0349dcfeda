import { AppError, webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { attemptAnswer, deliveryAnswer } from '../../domain/deliveries/delivery-answer.ts';
import { listAttempts } from '../../domain/deliveries/read-attempts.ts';
import { findDelivery } from '../../domain/deliveries/read-deliveries.ts';

export const getDelivery = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.getDelivery, async ({ params }) => {
    const delivery = await findDelivery(data.db, params.delivery_id);
    if (!delivery) throw new AppError('DELIVERY_NOT_FOUND');
    const [last] = await listAttempts(data.db, delivery.id, { limit: 1, before: null });
    return {
      status: 200,
      body: {
        ...deliveryAnswer(delivery),
        body: delivery.body,
        last_attempt: last ? attemptAnswer(last) : null,
      },
    };
  });
