import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import { createKey, type KeyMaker } from '../../domain/keys/create-key.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postKey = (app: FastifyInstance, maker: KeyMaker): void =>
  implement(app, partnerAdminRoutes.createKey, async (ctx) => {
    const { replayed, body } = await createKey(maker, ctx, ctx.body, ctx.idempotencyKey);
    return { status: 201, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
