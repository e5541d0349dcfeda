import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { rotateSigningKey } from '../../domain/signing/rotate-signing-key.ts';

export const postSigningKeyRotation = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.rotateSigningKey, async (ctx) => {
    const { replayed, body } = await rotateSigningKey(deps, ctx, ctx.body);
    return { status: 200, headers: replayHeaders(replayed), body };
  });
