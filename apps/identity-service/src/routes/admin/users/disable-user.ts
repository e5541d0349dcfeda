import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { disableUser } from '../../../domain/administration/disable-user.ts';
import { adminUser } from '../../../domain/administration/user-answers.ts';

export const postUserDisabling = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.disableUser, async (ctx) => {
    const user = await disableUser(deps, ctx, ctx.params.id);
    return { status: 200, body: adminUser(user) };
  });
