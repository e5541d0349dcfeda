import { AppError, deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { beginFlow } from '../../domain/oauth/begin-flow.ts';
import { logFailure, OAuthFailure } from '../../domain/oauth/failure.ts';
import { failureLocation } from '../../domain/oauth/finish-flow.ts';
import type { Providers } from '../../domain/oauth/providers.ts';
import { redirectOrHome } from '../../domain/redirects.ts';

const NO_STORE = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };

/** What goes on to the provider as it came. */
const handedOn = (query: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    ['prompt', 'login_hint', 'access_type', 'hd'].flatMap((name) => {
      const value = query[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

/**
 * supabase-js puts skip_http_redirect=true into addresses that apps then open in a browser, and Supabase Auth redirects
 * all the same. So only who also asks for JSON gets it.
 */
const wantsJson = (skipHttpRedirect: string | undefined, accept: string | undefined): boolean =>
  skipHttpRedirect === 'true' && accept !== undefined && /^application\/json\b/i.test(accept.trim());

export const getAuthorize = (app: FastifyInstance, deps: Deps, providers: Providers): void =>
  implement(app, deviceRoutes.authorize, async ({ query, req }) => {
    const provider = providers.find(query.provider);
    if (!provider) throw new AppError('PROVIDER_DISABLED');
    const { code_challenge: codeChallenge, code_challenge_method: codeChallengeMethod } = query;
    const redirectTo = redirectOrHome(deps.config, query.redirect_to);
    const purpose = 'client';
    try {
      const { url, cookie } = await beginFlow(deps, provider, {
        purpose,
        redirectTo,
        challenge:
          codeChallenge !== undefined && codeChallengeMethod !== undefined
            ? { codeChallenge, codeChallengeMethod }
            : null,
        scopes: query.scopes,
        handedOn: handedOn(query),
      });
      const headers = { ...NO_STORE, 'set-cookie': [cookie] };
      return wantsJson(query.skip_http_redirect, req.headers.accept)
        ? { status: 200, headers, body: { url } }
        : { status: 302, headers: { ...headers, location: url } };
    } catch (error) {
      if (!(error instanceof OAuthFailure)) throw error;
      logFailure(deps.data.log, provider.name, error);
      const location = failureLocation({ redirectTo, purpose }, error);
      return { status: 302, headers: { ...NO_STORE, location } };
    }
  });
