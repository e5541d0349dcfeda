import { webhookAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { toSigningKeyAnswer } from '../../domain/signing/public-keys.ts';
import { rotateSigningKey } from '../../domain/signing/rotate-signing-key.ts';

export const postSigningKeyRotation = (app: FastifyInstance, deps: Deps): void =>
  implement(app, webhookAdminRoutes.rotateSigningKey, async (ctx) => ({
    status: 200,
    body: toSigningKeyAnswer(await rotateSigningKey(deps, ctx, { overlapSeconds: ctx.body.overlap_seconds })),
  }));
