import { AppError, authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { userAnswer } from '../../domain/sessions/session-answer.ts';
import { findIdentities, findUserById } from '../../domain/users/user-repository.ts';

export const getUser = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, authRoutes.getUser, async ({ principal }) => {
    const user = await findUserById(data.db, principal.user_id);
    if (!user) throw new AppError('USER_NOT_FOUND');
    return { status: 200, body: userAnswer(user, await findIdentities(data.db, user.id)) };
  });
