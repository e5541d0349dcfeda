import { authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { recover } from '../../domain/sign-in/recover.ts';
import { codeChallengeOf } from './code-challenge.ts';

export const postRecover = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.recover, async ({ body, query }) => {
    await recover(deps, {
      email: body.email,
      challenge: codeChallengeOf(body),
      redirectTo: query.redirect_to,
    });
    return { status: 200, body: {} };
  });
