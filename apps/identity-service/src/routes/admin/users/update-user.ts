import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { updateUserAsAdmin } from '../../../domain/administration/update-user.ts';
import { adminUser } from '../../../domain/administration/user-answers.ts';

export const patchUser = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.updateUser, async (ctx) => {
    const user = await updateUserAsAdmin(deps, ctx, ctx.params.id, ctx.body);
    return { status: 200, body: adminUser(user) };
  });
