import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { userAnswer } from '../../domain/sessions/session-answer.ts';
import { changeOwnUser } from '../../domain/users/change-own-user.ts';
import { codeChallengeOf } from './code-challenge.ts';

export const putUser = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.updateUser, async ({ principal, body, query }) => {
    const { user, identities, pendingEmail } = await changeOwnUser(deps, principal, {
      email: body.email || null,
      password: body.password || null,
      currentPassword: body.current_password ?? null,
      userMetadata: body.data ?? null,
      challenge: codeChallengeOf(body),
      redirectTo: query.redirect_to,
    });
    const pending = pendingEmail && {
      new_email: pendingEmail.email,
      email_change_sent_at: pendingEmail.mailedAt.toISOString(),
    };
    return { status: 200, body: { ...userAnswer(user, identities), ...pending } };
  });
