import { identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { enableUser } from '../../../domain/administration/enable-user.ts';
import { adminUser } from '../../../domain/administration/user-answers.ts';

export const postUserEnabling = (app: FastifyInstance, deps: Deps): void =>
  implement(app, identityAdminRoutes.enableUser, async (ctx) => {
    const user = await enableUser(deps, ctx, ctx.params.id);
    return { status: 200, body: adminUser(user) };
  });
