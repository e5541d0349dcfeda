import type { RouteExample } from '../specs/examples.ts';

const AT = '2024-12-15T10:30:00.000Z';
const LATER = '2025-12-15T10:30:00.000Z';
const KEY = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const ACCOUNT = '0192f0c1-2b3c-7d4e-8f50-617283940a21';
const USER = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const SESSION = '0192f0c1-2b3c-7d4e-8f50-617283940a22';

const apiKey = {
  id: KEY,
  name: 'Dialer in Berlin',
  account_id: ACCOUNT,
  account: 'CompanyX',
  key_prefix: 'ak_2dKq8ZbVx',
  source: 'admin',
  allowed_ips: ['203.0.113.0/24'],
  rate_limit_per_minute: 100,
  is_active: true,
  revoked_at: null,
  expires_at: LATER,
  last_used_at: AT,
  previous_secret_expires_at: null,
  previous_secret_last_used_at: null,
  created_by: USER,
  created_at: AT,
  updated_at: AT,
};

const user = {
  id: USER,
  origin: 'local',
  email: 'agent@example.com',
  email_confirmed_at: AT,
  name: 'Dana',
  role: 'agent',
  business_id: null,
  disabled_at: null,
  last_sign_in_at: AT,
  created_at: AT,
  updated_at: AT,
};

const signingKey = {
  kid: '0192f0c1-2b3c-7d4e-8f50-617283940a23',
  created_at: AT,
  signs_from: AT,
  signs_until: null,
  published_until: null,
};

const params = { id: KEY };
const userParams = { id: USER };

export const identityAdminExamples: Readonly<Record<string, RouteExample>> = {
  'admin.api_keys.create': {
    body: {
      name: 'Dialer in Berlin',
      account: 'CompanyX',
      expires_at: LATER,
      allowed_ips: ['203.0.113.0/24'],
    },
    answers: {
      201: {
        ...apiKey,
        last_used_at: null,
        api_key: 'ak_example-shown-once',
        api_secret: 'as_example-shown-once',
      },
    },
  },
  'admin.api_keys.list': { answers: { 200: { api_keys: [apiKey], next_cursor: null } } },
  'admin.api_keys.get': { params, answers: { 200: apiKey } },
  'admin.api_keys.update': {
    params,
    body: { rate_limit_per_minute: 300, expires_at: null },
    answers: { 200: { ...apiKey, rate_limit_per_minute: 300, expires_at: null } },
  },
  'admin.api_keys.rotate': {
    params,
    body: { overlap_seconds: 86_400 },
    answers: {
      200: {
        id: KEY,
        api_secret: 'as_example-shown-once',
        previous_secret_expires_at: '2024-12-16T10:30:00.000Z',
      },
    },
  },
  'admin.api_keys.revoke': { params, answers: { 200: { ...apiKey, is_active: false, revoked_at: AT } } },
  'admin.api_keys.get_usage': {
    params,
    answers: {
      200: {
        id: KEY,
        created_at: AT,
        last_used_at: AT,
        previous_secret_expires_at: null,
        previous_secret_last_used_at: null,
      },
    },
  },
  'admin.users.create': {
    body: { email: 'agent@example.com', role: 'agent', name: 'Dana' },
    answers: { 201: { ...user, last_sign_in_at: null } },
  },
  'admin.users.list': { answers: { 200: { users: [user], next_cursor: null } } },
  'admin.users.get': {
    params: userParams,
    answers: {
      200: {
        ...user,
        identities: [{ provider: 'email', email: user.email, last_sign_in_at: AT, created_at: AT }],
        open_sessions: [
          {
            id: SESSION,
            client_name: null,
            ip: '203.0.113.7',
            user_agent: 'Mozilla/5.0',
            created_at: AT,
            refreshed_at: null,
          },
        ],
      },
    },
  },
  'admin.users.update': {
    params: userParams,
    body: { role: 'admin' },
    answers: { 200: { ...user, role: 'admin' } },
  },
  'admin.users.disable': { params: userParams, answers: { 200: { ...user, disabled_at: AT } } },
  'admin.users.enable': { params: userParams, answers: { 200: user } },
  'admin.users.sign_out': { params: userParams, answers: { 200: { sessions_ended: 2 } } },
  'admin.signing_keys.list': { answers: { 200: { signing_keys: [signingKey], next_cursor: null } } },
  'admin.signing_keys.rotate': { body: { immediately: false }, answers: { 201: signingKey } },
  'admin.audit_log.list': {
    answers: {
      200: {
        entries: [
          {
            id: '0192f0c1-2b3c-7d4e-8f50-617283940a24',
            at: AT,
            service: 'identity-service',
            action: 'user.change_role',
            actor: { user_id: SESSION, email: 'admin@example.com', role: 'super_admin' },
            target: { type: 'user', id: USER, name: user.email },
            before: { role: 'agent' },
            after: { role: 'admin' },
            ip: '203.0.113.7',
            user_agent: 'switchboard-cli/0.1.0',
            request_id: 'req-1',
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.leaks.report': {
    body: [
      {
        token: 'ak_example',
        type: 'switchboard_api_key',
        url: 'https://github.com/octocat/Hello-World/blob/main/config.js',
        source: 'content',
      },
    ],
    answers: {
      200: [
        {
          token_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
          token_type: 'switchboard_api_key',
          label: 'false_positive',
        },
      ],
    },
  },
};
