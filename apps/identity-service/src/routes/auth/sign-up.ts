import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { sessionAnswer, userAnswer } from '../../domain/sessions/session-answer.ts';
import { signUp } from '../../domain/sign-in/sign-up.ts';
import { codeChallengeOf } from './code-challenge.ts';
import { NO_STORE } from './no-store.ts';

export const postSignUp = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.signUp, async ({ body, query, caller }) => {
    const done = await signUp(deps, {
      email: body.email,
      password: body.password,
      userMetadata: body.data ?? {},
      challenge: codeChallengeOf(body),
      redirectTo: query.redirect_to,
      caller,
    });
    if ('session' in done) return { status: 200, headers: NO_STORE, body: sessionAnswer(done.session) };
    const confirmation_sent_at = done.mailedAt.toISOString();
    return {
      status: 200,
      headers: NO_STORE,
      body: { ...userAnswer(done.user, done.identities), confirmation_sent_at },
    };
  });
