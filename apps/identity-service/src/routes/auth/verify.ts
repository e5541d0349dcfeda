import { authRoutes, type BodyOf, errors } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { sessionAnswer } from '../../domain/sessions/session-answer.ts';
import type { Proof } from '../../domain/sign-in/one-time-token.ts';
import { verifyForSession } from '../../domain/sign-in/verify.ts';
import { requireEmail } from '../../domain/users/email.ts';
import { NO_STORE } from './no-store.ts';

const proofOf = (body: BodyOf<typeof authRoutes.verify>): Proof => {
  if (body.token_hash) return { token: body.token_hash };
  if (body.email && body.token) return { email: requireEmail(body.email), code: body.token };
  throw errors.invalidInput([{ field: 'token_hash', message: 'is required, or email and token' }]);
};

export const postVerify = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.verify, async ({ body, caller }) => ({
    status: 200,
    headers: NO_STORE,
    body: sessionAnswer(await verifyForSession(deps, { proof: proofOf(body), type: body.type, caller })),
  }));
