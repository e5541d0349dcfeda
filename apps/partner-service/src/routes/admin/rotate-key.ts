import { partnerAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { KeyMaker } from '../../domain/keys/create-key.ts';
import { rotateKey } from '../../domain/keys/rotate-key.ts';
import { SHOWN_ONCE } from './shown-once.ts';

export const postRotation = (app: FastifyInstance, maker: KeyMaker): void =>
  implement(app, partnerAdminRoutes.rotateKey, async (ctx) => {
    const { params, body: input, idempotencyKey } = ctx;
    const { replayed, body } = await rotateKey(maker, ctx, params.key_id, input, idempotencyKey);
    return { status: 200, headers: { ...SHOWN_ONCE, ...replayHeaders(replayed) }, body };
  });
