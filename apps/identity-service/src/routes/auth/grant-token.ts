import { AppError, authRoutes, type BodyOf, errors } from '@switchboard/contracts';
import { type Caller, implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { refreshSession } from '../../domain/sessions/refresh-session.ts';
import { sessionAnswer } from '../../domain/sessions/session-answer.ts';
import type { IssuedSession } from '../../domain/sessions/start-session.ts';
import { redeemAuthCode } from '../../domain/sign-in/auth-code.ts';
import { signInWithPassword } from '../../domain/sign-in/sign-in-with-password.ts';
import { NO_STORE } from './no-store.ts';

type Body = BodyOf<typeof authRoutes.token>;

const given = <Field extends keyof Body>(body: Body, field: Field): string => {
  const value = body[field];
  if (value !== undefined && value !== '') return value;
  throw errors.invalidInput([{ field, message: 'is required' }]);
};

const grant = (deps: Deps, grantType: string, body: Body, caller: Caller): Promise<IssuedSession> => {
  switch (grantType) {
    case 'password':
      return signInWithPassword(deps, {
        email: given(body, 'email'),
        password: given(body, 'password'),
        caller,
      });
    case 'refresh_token':
      return refreshSession(deps, given(body, 'refresh_token'));
    case 'pkce':
      return redeemAuthCode(deps, {
        code: given(body, 'auth_code'),
        verifier: given(body, 'code_verifier'),
        caller,
      });
    default:
      throw new AppError('UNSUPPORTED_GRANT_TYPE', {
        message: 'grant_type must be password, refresh_token or pkce',
      });
  }
};

export const postToken = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.token, async ({ query, body, caller }) => ({
    status: 200,
    headers: NO_STORE,
    body: sessionAnswer(await grant(deps, query.grant_type, body, caller)),
  }));
