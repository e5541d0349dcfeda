import { AppError, authRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { redirectOrHome, withParameters } from '../../domain/redirects.ts';
import { sessionAnswer } from '../../domain/sessions/session-answer.ts';
import { followLink, isVerificationType } from '../../domain/sign-in/verify.ts';
import { NO_STORE } from './no-store.ts';

/** As Supabase Auth words it. In query and fragment: clients of either flow look in one of them. */
const failureAt = (address: string, error: AppError): string => {
  const parameters = {
    error: error.status >= 500 ? 'server_error' : 'access_denied',
    error_code: error.code.toLowerCase(),
    error_description: error.message,
  };
  return withParameters(address, { query: parameters, fragment: parameters });
};

export const getVerify = (app: FastifyInstance, deps: Deps): void =>
  implement(app, authRoutes.followLink, async ({ query, caller, req }) => {
    const target = redirectOrHome(deps.config, query.redirect_to);
    const headers = { ...NO_STORE, 'referrer-policy': 'no-referrer' };
    const to = (location: string) => ({ status: 303 as const, headers: { ...headers, location } });
    // Programs that look whether a link in a mail is harmless must not use it up.
    if (req.method === 'HEAD') return to(target);
    const { type = '', token = query.token_hash } = query;
    try {
      if (!token || !isVerificationType(type)) throw new AppError('OTP_EXPIRED');
      const outcome = await followLink(deps, { proof: { token }, type, caller });
      if ('code' in outcome) return to(withParameters(target, { query: { code: outcome.code } }));
      const { user: _user, ...tokens } = sessionAnswer(outcome.session);
      const fragment = Object.fromEntries(
        Object.entries({ ...tokens, type }).map(([name, value]) => [name, String(value)]),
      );
      return to(withParameters(target, { fragment }));
    } catch (error) {
      if (error instanceof AppError) return to(failureAt(target, error));
      throw error;
    }
  });
