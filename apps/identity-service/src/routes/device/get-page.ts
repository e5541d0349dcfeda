import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { enabledProviders } from '../../domain/oauth/providers.ts';
import { codePage, signInPage } from '../../domain/pages/device-pages.ts';
import { readVisitor } from '../../domain/pages/page-session.ts';
import { pageHeaders, pagePath } from './page-answers.ts';

/** The words are ours: the address only chooses among them. */
const NOTICES: Readonly<Record<string, string>> = {
  sign_in_failed: 'That sign-in came to nothing. Try again, or use another way.',
  over: 'That device waits no longer. Type the code that it shows now.',
};

export const getPage = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.getDevicePage, async ({ query, req }) => {
    const { session, formToken, cookies } = await readVisitor(deps, req.headers.cookie);
    const problem = Object.hasOwn(NOTICES, query.notice ?? '') ? NOTICES[query.notice ?? ''] : null;
    const frame = { path: pagePath(deps), formToken, problem: problem ?? null };
    const userCode = query.user_code ?? '';
    const body = session
      ? codePage(frame, { userCode, email: session.email })
      : signInPage(frame, {
          userCode,
          email: '',
          providers: enabledProviders(deps.config.providers),
          isRefused: false,
        });
    return { status: 200, headers: pageHeaders(cookies), body };
  });
