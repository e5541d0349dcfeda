import { defineRoute } from '../route.ts';
import * as schemas from './auth-schemas.ts';

const PREFIX = '/auth/v1';
const SUPABASE = 'Supabase Auth';

/** Signed out or in: what supabase-js sends with the anon key, and with a token that it still has. */
const anybody = {
  service: 'identity-service',
  surface: 'auth',
  source: SUPABASE,
  credentials: ['anon', 'user'],
  limitGroup: 'auth',
} as const;

const signedIn = { ...anybody, credentials: ['user'] } as const;

/** Followed from a mail, or read by whoever checks tokens: without any header of ours. */
const open = { ...anybody, credentials: [] } as const;
/** The same for everybody, and asked for by machines: not counted. */
const published = {
  service: 'identity-service',
  surface: 'auth',
  source: SUPABASE,
  credentials: [],
} as const;

const session = { description: 'A session', schema: schemas.sessionAnswerSchema } as const;
const user = { description: 'The user', schema: schemas.userAnswerSchema } as const;
const nothing = { description: 'Done', schema: schemas.emptyAnswerSchema } as const;
const cached = { 'cache-control': 'How long it may be kept' } as const;

/** Supabase-Auth compatible routes, `/auth/v1/*` (spec: identity). */
export const authRoutes = {
  signUp: defineRoute({
    ...anybody,
    id: 'auth.users.sign_up',
    summary: 'Sign up with e-mail and password',
    description: 'Answers a session, or the user alone while the address must be confirmed first.',
    method: 'POST',
    path: `${PREFIX}/signup`,
    query: schemas.redirectQuery,
    body: schemas.signUpBody,
    responses: { 200: { description: 'Signed up', schema: schemas.signUpAnswerSchema } },
    errors: ['INVALID_INPUT', 'USER_ALREADY_EXISTS', 'WEAK_PASSWORD', 'SIGNUP_DISABLED'],
  }),
  token: defineRoute({
    ...anybody,
    // Who renews a session may still send its old access token: that is not asked about.
    credentials: ['anon'],
    id: 'auth.tokens.grant',
    summary: 'Sign in, or renew a session',
    description: 'grant_type is password, refresh_token or pkce. A refresh token is good once.',
    method: 'POST',
    path: `${PREFIX}/token`,
    guesses: { codes: ['invalid_credentials'], query: { grant_type: 'password' } },
    query: schemas.tokenQuery,
    body: schemas.tokenBody,
    responses: { 200: session },
    errors: [
      'INVALID_INPUT',
      'INVALID_CREDENTIALS',
      'EMAIL_NOT_CONFIRMED',
      'REFRESH_TOKEN_NOT_FOUND',
      'REFRESH_TOKEN_ALREADY_USED',
      'BAD_CODE_VERIFIER',
      'FLOW_STATE_NOT_FOUND',
      'UNSUPPORTED_GRANT_TYPE',
    ],
  }),
  getUser: defineRoute({
    ...signedIn,
    id: 'auth.user.get',
    summary: 'Who is signed in',
    method: 'GET',
    path: `${PREFIX}/user`,
    responses: { 200: user },
    errors: ['SESSION_NOT_FOUND', 'USER_NOT_FOUND'],
  }),
  updateUser: defineRoute({
    ...signedIn,
    id: 'auth.user.update',
    summary: 'Change e-mail, password or metadata of whoever is signed in',
    description: 'A new password ends all other sessions. `data` is merged into user_metadata.',
    method: 'PUT',
    path: `${PREFIX}/user`,
    query: schemas.redirectQuery,
    body: schemas.updateUserBody,
    responses: { 200: user },
    errors: [
      'INVALID_INPUT',
      'INVALID_CREDENTIALS',
      'USER_NOT_FOUND',
      'SESSION_NOT_FOUND',
      'EMAIL_EXISTS',
      'WEAK_PASSWORD',
      'SAME_PASSWORD',
      'FORBIDDEN',
    ],
  }),
  logout: defineRoute({
    ...signedIn,
    id: 'auth.sessions.end',
    summary: 'Sign out',
    description: 'scope: global (everywhere), local (this session), others (all but this one).',
    method: 'POST',
    path: `${PREFIX}/logout`,
    query: schemas.logoutQuery,
    responses: { 204: { description: 'Signed out' } },
    errors: ['INVALID_PARAMETER'],
  }),
  recover: defineRoute({
    ...anybody,
    id: 'auth.users.recover',
    summary: 'Mail a link that signs in, to choose a new password',
    description: 'The answer is the same whether somebody has that address or not.',
    method: 'POST',
    path: `${PREFIX}/recover`,
    query: schemas.redirectQuery,
    body: schemas.recoverBody,
    responses: { 200: nothing },
    errors: ['INVALID_INPUT'],
  }),
  verify: defineRoute({
    ...anybody,
    id: 'auth.tokens.verify',
    summary: 'Exchange what a mail contained for a session',
    description: '`token_hash` as it is in the link, or `email` with the six digits as `token`.',
    method: 'POST',
    path: `${PREFIX}/verify`,
    guesses: { codes: ['otp_expired'] },
    query: schemas.redirectQuery,
    body: schemas.verifyBody,
    responses: { 200: session },
    errors: ['INVALID_INPUT', 'OTP_EXPIRED', 'EMAIL_EXISTS'],
  }),
  followLink: defineRoute({
    ...open,
    id: 'auth.links.follow',
    summary: 'The link in a mail',
    description:
      'Sends the browser on to redirect_to with a session in the fragment, with ?code= for a client that uses PKCE, or with error, error_code and error_description.',
    method: 'GET',
    path: `${PREFIX}/verify`,
    query: schemas.verifyQuery,
    responses: { 303: { description: 'On to redirect_to', headers: { location: 'Where to' } } },
    errors: [],
  }),
  settings: defineRoute({
    ...published,
    id: 'auth.settings.get',
    summary: 'Which ways to sign in there are',
    method: 'GET',
    path: `${PREFIX}/settings`,
    responses: { 200: { description: 'Settings', schema: schemas.authSettingsAnswer } },
    errors: [],
  }),
  health: defineRoute({
    ...published,
    id: 'auth.health.get',
    summary: 'Is sign-in up?',
    method: 'GET',
    path: `${PREFIX}/health`,
    responses: { 200: { description: 'It answers', schema: schemas.authHealthAnswer } },
    errors: [],
  }),
  jwks: defineRoute({
    ...published,
    id: 'auth.keys.list',
    summary: 'The keys that access tokens are signed with (RFC 7517)',
    method: 'GET',
    path: `${PREFIX}/.well-known/jwks.json`,
    responses: { 200: { description: 'Public keys', schema: schemas.jwksAnswer, headers: cached } },
    errors: [],
  }),
  openidConfiguration: defineRoute({
    ...published,
    id: 'auth.openid_configuration.get',
    summary: 'Where what is (OpenID Connect Discovery, RFC 8414)',
    source: 'Switchboard',
    method: 'GET',
    path: `${PREFIX}/.well-known/openid-configuration`,
    responses: {
      200: { description: 'Endpoints', schema: schemas.openidConfigurationAnswer, headers: cached },
    },
    errors: [],
  }),
};
