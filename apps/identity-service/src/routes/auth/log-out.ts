import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { signOut } from '../../domain/sessions/sign-out.ts';

export const postLogout = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.logout, async ({ principal, query }) => {
    await signOut(deps, principal, query.scope);
    return { status: 204 };
  });
