import type { RouteExample } from '../specs/examples.ts';

const AT = '2024-12-15T10:30:00.000Z';
const USER = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const EMAIL = 'jane@example.com';
const BASE = 'https://api.example.com';

const user = {
  id: USER,
  aud: 'authenticated',
  role: 'authenticated',
  email: EMAIL,
  email_confirmed_at: AT,
  phone: '',
  confirmed_at: AT,
  last_sign_in_at: AT,
  app_metadata: { provider: 'email', providers: ['email'], role: 'user' },
  user_metadata: { name: 'Jane' },
  identities: [
    {
      identity_id: '0192f0c1-2b3c-7d4e-8f50-617283940a1c',
      id: USER,
      user_id: USER,
      identity_data: { sub: USER, email: EMAIL, email_verified: true, phone_verified: false },
      provider: 'email',
      last_sign_in_at: null,
      created_at: AT,
      updated_at: AT,
      email: EMAIL,
    },
  ],
  created_at: AT,
  updated_at: AT,
  is_anonymous: false,
};

const session = {
  access_token: 'eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Ii4uLiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl',
  token_type: 'bearer',
  expires_in: 3600,
  expires_at: 1734262200,
  refresh_token: 'AQGS8MErPH1Oj1BhcoOUChsAAAAAexampleexampleexampleexampleexam',
  user,
};

const password = 'correct horse battery';

export const authExamples: Readonly<Record<string, RouteExample>> = {
  'auth.users.sign_up': {
    body: { email: EMAIL, password, data: { name: 'Jane' } },
    answers: { 200: session },
  },
  'auth.tokens.grant': { body: { email: EMAIL, password }, answers: { 200: session } },
  'auth.user.get': { answers: { 200: user } },
  'auth.user.update': { body: { data: { name: 'Jane' } }, answers: { 200: user } },
  'auth.sessions.end': { answers: {} },
  'auth.users.recover': { body: { email: EMAIL }, answers: { 200: {} } },
  'auth.tokens.verify': {
    body: { type: 'recovery', email: EMAIL, token: '493817' },
    answers: { 200: session },
  },
  'auth.links.follow': { answers: {} },
  'auth.settings.get': {
    answers: {
      200: {
        external: { email: true, phone: false, google: true, twitter: false },
        disable_signup: false,
        mailer_autoconfirm: true,
        phone_autoconfirm: false,
        sms_provider: '',
        saml_enabled: false,
      },
    },
  },
  'auth.health.get': {
    answers: {
      200: { name: 'Switchboard', version: '0.1.0', description: 'Sign-in, as Supabase Auth has it' },
    },
  },
  'auth.keys.list': {
    answers: {
      200: {
        keys: [{ kty: 'RSA', kid: 'NzbLsXh8uDCcd', alg: 'RS256', use: 'sig', n: '0vx7agoebGcQ', e: 'AQAB' }],
      },
    },
  },
  'auth.openid_configuration.get': {
    answers: {
      200: {
        issuer: `${BASE}/auth/v1`,
        jwks_uri: `${BASE}/auth/v1/.well-known/jwks.json`,
        authorization_endpoint: `${BASE}/auth/v1/authorize`,
        token_endpoint: `${BASE}/api/v1/auth/device/token`,
        device_authorization_endpoint: `${BASE}/api/v1/auth/device/code`,
        userinfo_endpoint: `${BASE}/auth/v1/user`,
        grant_types_supported: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
      },
    },
  },
};
