import { defineRoute } from '../route.ts';
import * as schemas from './device-schemas.ts';

const GUIDE = 'Studio API guide';
const OURS = 'Switchboard';
const SUPABASE = 'Supabase Auth';

const open = { service: 'identity-service', credentials: [] } as const;
const provider = { ...open, surface: 'auth', limitGroup: 'auth', source: SUPABASE } as const;
const device = { ...open, surface: 'device', limitGroup: 'auth', source: `${GUIDE}; RFC 8628` } as const;
const page = { ...open, surface: 'platform', source: OURS } as const;
const form = { ...page, method: 'POST', consumes: ['application/x-www-form-urlencoded'] } as const;

const html = (description: string) =>
  ({ description, schema: schemas.pageSchema, mediaType: 'text/html; charset=utf-8' }) as const;
const NEXT_PAGE = {
  description: 'The next page',
  headers: { Location: 'Where the next page is' },
} as const;
const NO_STORE = { 'Cache-Control': 'no-store' } as const;
const FORM_REFUSED = html('The form is not of this browser, or was open too long');

/** Device sign-in (RFC 8628), its page, and sign-in with other providers (spec: identity). */
export const deviceRoutes = {
  authorize: defineRoute({
    ...provider,
    id: 'auth.provider.authorize',
    summary: 'Sign in with Google or X',
    description:
      'Opened by a browser, not fetched. `redirect_to` is where the person comes back to; one that is not among ' +
      '`AUTH_REDIRECT_URLS` is replaced by the public address. With `code_challenge` it gets a code to exchange at ' +
      '`/token?grant_type=pkce`, else tokens in the fragment. `skip_http_redirect=true` and `Accept: application/json` ' +
      'give the address as JSON.',
    method: 'GET',
    path: '/auth/v1/authorize',
    query: schemas.authorizeQuery,
    responses: {
      200: { description: 'Where to send the browser', schema: schemas.authorizeAnswer },
      302: { description: 'To the provider', headers: { Location: 'The sign-in page of the provider' } },
    },
    errors: ['INVALID_PARAMETER', 'PROVIDER_DISABLED'],
  }),
  callback: defineRoute({
    ...provider,
    id: 'auth.provider.callback',
    summary: 'Where a provider sends the browser back to',
    description:
      'To be registered with the provider. Leads on to `redirect_to`, with what went wrong in `error`, `error_code` and ' +
      '`error_description` when something did.',
    method: 'GET',
    path: '/auth/v1/callback',
    query: schemas.callbackQuery,
    responses: {
      302: { description: 'Back to where the sign-in began', headers: { Location: 'redirect_to' } },
      400: html('No sign-in of this browser waits for that answer'),
    },
    errors: ['SERVICE_UNAVAILABLE'],
  }),
  createDeviceCode: defineRoute({
    ...device,
    id: 'device.code.create',
    summary: 'Begin to sign in a device',
    description:
      'Show `user_code` and `verification_uri`, and poll for the token. `client_name` is shown to whoever decides.',
    method: 'POST',
    path: '/api/v1/auth/device/code',
    consumes: ['application/json', 'application/x-www-form-urlencoded'],
    body: schemas.deviceCodeBody,
    responses: { 200: { description: 'Begun', schema: schemas.deviceCodeAnswer, headers: NO_STORE } },
    errors: ['INVALID_INPUT'],
  }),
  createDeviceToken: defineRoute({
    ...device,
    id: 'device.token.create',
    summary: 'Ask whether the device was approved',
    description:
      'Gives the tokens once. `refresh_token` renews them here, with `grant_type` `refresh_token`, or at ' +
      '`/auth/v1/token?grant_type=refresh_token`, which wants the anon key. After `slow_down` wait 5 seconds longer between ' +
      'polls. A client whose answer was lost begins again.',
    method: 'POST',
    path: '/api/v1/auth/device/token',
    consumes: ['application/json', 'application/x-www-form-urlencoded'],
    body: schemas.deviceTokenBody,
    responses: { 200: { description: 'Approved', schema: schemas.deviceTokenAnswer, headers: NO_STORE } },
    errors: [
      'INVALID_INPUT',
      'AUTHORIZATION_PENDING',
      'SLOW_DOWN',
      'ACCESS_DENIED',
      'EXPIRED_TOKEN',
      'INVALID_GRANT',
      'UNSUPPORTED_GRANT_TYPE',
    ],
  }),
  getStudioUser: defineRoute({
    service: 'identity-service',
    surface: 'studio',
    credentials: ['user'],
    limitGroup: 'studio',
    id: 'studio.user.get',
    summary: 'Who am I?',
    source: GUIDE,
    method: 'GET',
    path: '/api/v1/auth/user',
    responses: { 200: { description: 'The user of the token', schema: schemas.studioUserAnswer } },
    errors: ['USER_NOT_FOUND'],
  }),
  getDevicePage: defineRoute({
    ...page,
    id: 'device.page.get',
    summary: 'Page: sign in, then type or confirm the code of a device',
    method: 'GET',
    path: '/device',
    query: schemas.devicePageQuery,
    responses: { 200: html('The page') },
    errors: ['INVALID_PARAMETER'],
  }),
  signInOnPage: defineRoute({
    ...form,
    id: 'device.page.sign_in',
    summary: 'Page: sign in with e-mail and password',
    limitGroup: 'auth',
    guesses: { codes: ['INVALID_CREDENTIALS'] },
    path: '/device/sign-in',
    body: schemas.deviceSignInForm,
    responses: { 303: NEXT_PAGE, 400: html('E-mail or password is wrong'), 403: FORM_REFUSED },
    errors: ['INVALID_INPUT'],
  }),
  signInOnPageWith: defineRoute({
    ...page,
    id: 'device.page.sign_in_with',
    summary: 'Page: sign in with Google or X',
    limitGroup: 'auth',
    method: 'GET',
    path: '/device/sign-in/:provider',
    params: schemas.deviceProviderParams,
    query: schemas.deviceProviderQuery,
    responses: {
      303: { description: 'To the provider', headers: { Location: 'The sign-in page of the provider' } },
      400: html('The provider is not set up'),
    },
    errors: ['INVALID_PARAMETER', 'PROVIDER_DISABLED'],
  }),
  signOutOnPage: defineRoute({
    ...form,
    id: 'device.page.sign_out',
    summary: 'Page: use another account',
    path: '/device/sign-out',
    body: schemas.deviceSignOutForm,
    responses: { 303: NEXT_PAGE, 403: FORM_REFUSED },
    errors: ['INVALID_INPUT'],
  }),
  enterUserCode: defineRoute({
    ...form,
    id: 'device.page.enter_code',
    summary: 'Page: the code that a device shows',
    limitGroup: 'auth',
    path: '/device/code',
    body: schemas.deviceUserCodeForm,
    responses: {
      303: NEXT_PAGE,
      400: html('No device waits for that code'),
      403: FORM_REFUSED,
      429: html('Too many wrong codes from this address'),
    },
    errors: ['INVALID_INPUT'],
  }),
  confirmDevice: defineRoute({
    ...page,
    id: 'device.page.confirm',
    summary: 'Page: what asks, to be approved or denied',
    method: 'GET',
    path: '/device/confirm',
    responses: { 200: html('The page'), 303: NEXT_PAGE },
    errors: [],
  }),
  decideDevice: defineRoute({
    ...form,
    id: 'device.page.decide',
    summary: 'Page: approve or deny a device',
    path: '/device/decision',
    body: schemas.deviceDecisionForm,
    responses: { 303: NEXT_PAGE, 400: html('The device waits no longer'), 403: FORM_REFUSED },
    errors: ['INVALID_INPUT'],
  }),
  deviceDone: defineRoute({
    ...page,
    id: 'device.page.done',
    summary: 'Page: what was decided',
    method: 'GET',
    path: '/device/done',
    query: schemas.deviceDoneQuery,
    responses: { 200: html('The page') },
    errors: ['INVALID_PARAMETER'],
  }),
};
