import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { replayDelivery } from '../../domain/replays/replay-delivery.ts';

export const postDeliveryReplay = (app: FastifyInstance, { data, engine, settings }: Deps): void =>
  implement(app, webhookAdminRoutes.replayDelivery, async (ctx) => {
    const done = await replayDelivery(data, ctx, ctx.params.delivery_id, settings);
    if (done.due) engine.offer(done.due);
    return {
      status: 202,
      body: {
        delivery_id: done.deliveryId,
        status: done.status,
        attempt_number: done.attemptNumber,
        replay_id: done.replayId,
      },
    };
  });
