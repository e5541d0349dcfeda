import { AppError, authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { userAnswer } from '../../domain/sessions/session-answer.ts';
import { findSession } from '../../domain/sessions/session-repository.ts';
import { findIdentities, findUserById } from '../../domain/users/user-repository.ts';

export const getUser = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, authRoutes.getUser, async ({ principal }) => {
    const { user_id: userId, session_id: sessionId, origin } = principal;
    // Programs ask this to be sure, so it is not answered from what a gateway knew a moment ago.
    if (origin === 'local') {
      const session = sessionId === null ? null : await findSession(data.db, sessionId);
      if (session?.userId !== userId || session.endedAt !== null) throw new AppError('SESSION_NOT_FOUND');
    }
    const user = await findUserById(data.db, userId);
    if (!user) throw new AppError('USER_NOT_FOUND');
    return { status: 200, body: userAnswer(user, await findIdentities(data.db, user.id)) };
  });
