import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { readUserCode, showUserCode } from '../../domain/device/user-code.ts';
import { beginFlow } from '../../domain/oauth/begin-flow.ts';
import { logFailure, OAuthFailure } from '../../domain/oauth/failure.ts';
import { failureLocation } from '../../domain/oauth/finish-flow.ts';
import type { Providers } from '../../domain/oauth/providers.ts';
import { publicPlaceOf } from '../../domain/pages/cookies.ts';
import { PAGE_HEADERS } from '../../domain/pages/layout.ts';
import { stopPage } from '../../domain/pages/stop-page.ts';

/** Where the person comes back to is made here, of nothing but a code: no address of a caller's. */
const pageOf = ({ identity }: Deps['config'], typed: string | undefined): string => {
  const code = typed === undefined ? null : readUserCode(typed);
  const page = `${identity.publicUrl}/device`;
  return code === null ? page : `${page}?user_code=${showUserCode(code)}`;
};

export const getPageSignIn = (app: FastifyInstance, deps: Deps, providers: Providers): void =>
  implement(app, deviceRoutes.signInOnPageWith, async ({ params, query }) => {
    const provider = providers.find(params.provider);
    if (!provider) {
      const body = stopPage({
        title: 'This way to sign in is not set up',
        words: 'Use another one.',
        beginAt: `${publicPlaceOf(deps.config).root}/device`,
      });
      return { status: 400, headers: PAGE_HEADERS, body };
    }
    const headers = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
    const redirectTo = pageOf(deps.config, query.user_code);
    try {
      const { url, cookie } = await beginFlow(deps, provider, {
        purpose: 'page',
        redirectTo,
        challenge: null,
      });
      return { status: 303, headers: { ...headers, 'set-cookie': [cookie], location: url } };
    } catch (error) {
      if (!(error instanceof OAuthFailure)) throw error;
      logFailure(deps.data.log, provider.name, error);
      const location = failureLocation({ redirectTo, purpose: 'page' }, error);
      return { status: 303, headers: { ...headers, location } };
    }
  });
