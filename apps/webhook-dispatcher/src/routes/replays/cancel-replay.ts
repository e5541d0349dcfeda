import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { cancelReplay } from '../../domain/replays/cancel-replay.ts';

export const postReplayCancel = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, webhookAdminRoutes.cancelReplay, async (ctx) => ({
    status: 200,
    body: await cancelReplay(data, ctx, ctx.params.replay_id),
  }));
