import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { replayDelivery } from '../../domain/replays/replay-delivery.ts';

export const postDeliveryReplay = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.replayDelivery, async (ctx) => {
    const { replayed, body } = await replayDelivery(deps, ctx, ctx.params.delivery_id);
    return { status: 202, headers: replayHeaders(replayed), body };
  });
