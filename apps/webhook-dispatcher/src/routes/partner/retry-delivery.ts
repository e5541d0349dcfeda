import { AppError, webhookRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { callbackOwner } from '../../domain/deliveries/persist-requests.ts';
import { retryDeliveries } from '../../domain/deliveries/retry-deliveries.ts';

export const postPartnerRetry = (app: FastifyInstance, { data, engine, settings }: Deps): void =>
  implement(app, webhookRoutes.retryPartnerDelivery, async ({ principal, params }) => {
    const { answers, due } = await retryDeliveries(data, [params.delivery_id], {
      payloadDays: settings.payloadDays,
      owner: callbackOwner(principal.key_id),
    });
    for (const delivery of due) engine.offer(delivery);
    const [done] = answers;
    if (!done || done.state === 'unknown') throw new AppError('DELIVERY_NOT_FOUND');
    if (done.state === 'expired') throw new AppError('MESSAGE_EXPIRED');
    return {
      status: 200,
      headers: { 'cache-control': 'private' },
      body: { delivery_id: done.delivery_id, status: done.state, attempt_number: done.attempt_number },
    };
  });
