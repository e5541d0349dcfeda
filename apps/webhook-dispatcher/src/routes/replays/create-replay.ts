import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { countDryRun, requestReplay } from '../../domain/replays/request-replay.ts';

const { createReplay } = webhookAdminRoutes;

export const postReplay = (app: FastifyInstance, { data, settings }: Deps): void =>
  implement(app, createReplay, async (ctx) => {
    const { dry_run, ...input } = ctx.body;
    if (dry_run) return { status: 200, body: await countDryRun(data, input, settings) };
    const { body, replayed } = await requestReplay(data, ctx, input, settings);
    return {
      status: 202,
      headers: { ...replayHeaders(replayed), location: `${createReplay.path}/${body.id}` },
      body,
    };
  });
