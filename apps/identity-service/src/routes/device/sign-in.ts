import { AppError, deviceRoutes, PAGE_ERROR_HEADER } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { enabledProviders } from '../../domain/oauth/providers.ts';
import { signInPage } from '../../domain/pages/device-pages.ts';
import { beginPageSession } from '../../domain/pages/page-session.ts';
import { checkPassword } from '../../domain/passwords/check-password.ts';
import type { UserRecord } from '../../domain/users/user-repository.ts';
import { pageHeaders, pagePath, pageWithCode, refuseForm, seeOther } from './page-answers.ts';

interface Refused {
  readonly words: string;
  /** What a caller of the API would have been told. */
  readonly code: 'INVALID_CREDENTIALS' | 'EMAIL_NOT_CONFIRMED';
}

const WRONG: Refused = { code: 'INVALID_CREDENTIALS', words: 'E-mail or password is wrong.' };
const NOT_CONFIRMED: Refused = {
  code: 'EMAIL_NOT_CONFIRMED',
  words: 'Your address is not confirmed yet. Follow the link in the mail that we sent you, then sign in.',
};

/** The user, or why there is none. */
const signIn = async (
  deps: Deps,
  credentials: { readonly email: string; readonly password: string },
): Promise<UserRecord | Refused> => {
  try {
    return (await checkPassword(deps, credentials)) ?? WRONG;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'EMAIL_NOT_CONFIRMED') throw error;
    return NOT_CONFIRMED;
  }
};

export const signInOnPage = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.signInOnPage, async ({ body, req }) => {
    const refusal = refuseForm(deps, req, body.form_token);
    if (refusal) return refusal;
    const outcome = await signIn(deps, body);
    if ('words' in outcome) {
      const page = signInPage(
        { path: pagePath(deps), formToken: body.form_token, problem: outcome.words },
        {
          userCode: body.user_code ?? '',
          email: body.email,
          providers: enabledProviders(deps.config.providers),
          isRefused: true,
        },
      );
      const headers = { ...pageHeaders(), [PAGE_ERROR_HEADER]: outcome.code };
      return { status: 400, headers, body: page };
    }
    const cookie = await beginPageSession(deps.data.db, deps, outcome.id);
    return seeOther(pageWithCode(deps, body.user_code), [cookie]);
  });
