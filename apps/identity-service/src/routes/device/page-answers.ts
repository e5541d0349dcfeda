import type { FastifyRequest } from 'fastify';
import type { Deps } from '../../deps.ts';
import { publicPlaceOf } from '../../domain/pages/cookies.ts';
import { isOurForm } from '../../domain/pages/form-token.ts';
import { PAGE_HEADERS } from '../../domain/pages/layout.ts';
import { readBrowserId } from '../../domain/pages/page-session.ts';
import { stopPage } from '../../domain/pages/stop-page.ts';

/** The page's address on this host. */
export const pagePath = ({ config }: Pick<Deps, 'config'>): string => `${publicPlaceOf(config).root}/device`;

export const pageHeaders = (cookies: readonly string[] = []) => ({
  ...PAGE_HEADERS,
  ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}),
});

/** After a form: another page, so that going back or reloading sends nothing twice. */
export const seeOther = (location: string, cookies: readonly string[] = []) => ({
  status: 303 as const,
  headers: {
    location,
    'cache-control': 'no-store',
    ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}),
  },
});

/** The page with a code in its address, if there is one. */
export const pageWithCode = (deps: Pick<Deps, 'config'>, userCode: string | undefined): string =>
  userCode === undefined || userCode === ''
    ? pagePath(deps)
    : `${pagePath(deps)}?user_code=${encodeURIComponent(userCode)}`;

/** Null when the form is from a page that this browser got from us; else the answer that refuses it. */
export const refuseForm = (
  deps: Pick<Deps, 'config' | 'secrets'>,
  req: FastifyRequest,
  formToken: string,
) => {
  const { cookie, 'sec-fetch-site': fetchSite } = req.headers;
  if (isOurForm(deps.secrets, { browserId: readBrowserId(cookie), formToken, fetchSite })) return null;
  return {
    status: 403 as const,
    headers: pageHeaders(),
    body: stopPage({
      title: 'This form cannot be taken',
      words:
        'The page was open for too long, or the form came from another site, or your browser keeps no cookies. Nothing was done.',
      beginAt: pagePath(deps),
    }),
  };
};
