import { identityAdminRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { createUserAsAdmin } from '../../../domain/administration/create-user.ts';

export const postUser = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.createUser, async (ctx) => {
    const { body, replayed } = await createUserAsAdmin(deps, ctx, ctx.body);
    return { status: 201, headers: replayHeaders(replayed), body };
  });
