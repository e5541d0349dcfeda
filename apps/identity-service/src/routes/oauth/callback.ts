import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { finishFlow } from '../../domain/oauth/finish-flow.ts';
import type { Providers } from '../../domain/oauth/providers.ts';
import { PAGE_HEADERS } from '../../domain/pages/layout.ts';
import { stopPage } from '../../domain/pages/stop-page.ts';

export const getCallback = (app: FastifyInstance, deps: Deps, providers: Providers): void =>
  implement(app, deviceRoutes.callback, async ({ query, req, caller }) => {
    const at = req.url.indexOf('?');
    const ending = await finishFlow(deps, providers, {
      state: query.state,
      search: at < 0 ? '' : req.url.slice(at),
      cookieHeader: req.headers.cookie,
      caller,
    });
    if (!ending) {
      const body = stopPage({
        title: 'This sign-in cannot be continued',
        words:
          'It was begun in another browser, is over already, or took too long. Nobody was signed in. Go back to where you came from and sign in again.',
      });
      return { status: 400, headers: PAGE_HEADERS, body };
    }
    return {
      status: 302,
      headers: {
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'set-cookie': ending.cookies,
        location: ending.location,
      },
    };
  });
