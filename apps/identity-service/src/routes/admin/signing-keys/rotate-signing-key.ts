import { identityAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { rotateSigningKeyAsAdmin } from '../../../domain/administration/rotate-signing-key.ts';

export const postSigningKeyRotation = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.rotateSigningKey, async (ctx) => {
    const { body, replayed } = await rotateSigningKeyAsAdmin(deps, ctx, ctx.body);
    return { status: 201, headers: replayHeaders(replayed), body };
  });
