import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { signOutUser } from '../../../domain/administration/sign-out-user.ts';

export const postUserSignOut = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.signOutUser, async (ctx) => ({
    status: 200,
    body: { sessions_ended: await signOutUser(deps, ctx, ctx.params.id) },
  }));
