import { AppError, identityAdminRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../../deps.ts';
import { adminUserDetails } from '../../../domain/administration/user-answers.ts';
import { listOpenSessions } from '../../../domain/sessions/session-repository.ts';
import { findIdentities, findUserById } from '../../../domain/users/user-repository.ts';

export const getUser = (app: FastifyInstance, { data: { db } }: Deps): void =>
  implement(app, identityAdminRoutes.getUser, async ({ params: { id } }) => {
    const user = await findUserById(db, id);
    if (!user) throw new AppError('USER_NOT_FOUND');
    const [identities, sessions] = await Promise.all([findIdentities(db, id), listOpenSessions(db, id)]);
    return { status: 200, body: adminUserDetails(user, identities, sessions) };
  });
