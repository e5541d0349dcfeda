import type { RouteExample } from '../specs/examples.ts';

const AT = '2024-12-15T10:30:00.000Z';
const TOKEN = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const USER = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const health = { answers: { 200: { status: 'ok', endpoints: ['POST /tickets', 'GET /tickets/:id'] } } };

const stats = {
  total_requests: 1200,
  requests_this_hour: 12,
  requests_today: 140,
  error_count: 3,
  avg_response_time_ms: 14.2,
  p95_response_time_ms: 38.1,
};
const token = {
  id: TOKEN,
  name: 'Helpdesk of Example Ltd',
  description: null,
  token_prefix: 'stk_4fKq9Z2b',
  status: 'active',
  owner_user_id: USER,
  rate_limit_per_hour: 1000,
  allowed_endpoints: ['*'],
  allowed_ips: [],
  metadata: {},
  expires_at: null,
  revoked_at: null,
  last_used_at: AT,
  previous_token_expires_at: null,
  previous_token_last_used_at: null,
  created_by: USER,
  created_at: AT,
  updated_at: AT,
  stats,
};
const withSecret = { ...token, token: 'stk_shown-once' };
const params = { token_id: TOKEN };
const one = { params, answers: { 200: token } };

export const ticketExamples: Readonly<Record<string, RouteExample>> = {
  'tickets.health.get': health,
  'tickets.health.get_with_slash': health,
  'admin.integration_tokens.list': { answers: { 200: { tokens: [token], next_cursor: null } } },
  'admin.integration_tokens.create': {
    body: {
      name: 'Helpdesk of Example Ltd',
      rate_limit_per_hour: 1000,
      allowed_endpoints: ['POST /tickets', 'GET /tickets/*'],
      allowed_ips: ['203.0.113.0/24'],
    },
    answers: { 201: withSecret },
  },
  'admin.integration_tokens.get': one,
  'admin.integration_tokens.update': { ...one, body: { rate_limit_per_hour: 5000, expires_at: null } },
  'admin.integration_tokens.delete': { params, answers: {} },
  'admin.integration_tokens.regenerate': {
    params,
    body: { overlap_seconds: 3600 },
    answers: { 200: withSecret },
  },
  'admin.integration_tokens.disable': { params, answers: { 200: { ...token, status: 'disabled' } } },
  'admin.integration_tokens.enable': one,
  'admin.integration_tokens.revoke': {
    params,
    answers: { 200: { ...token, status: 'revoked', revoked_at: AT } },
  },
  'admin.integration_tokens.list_usage': {
    params,
    answers: {
      200: {
        requests: [
          {
            id: '0192f0c1-2b3c-7d4e-8f50-617283940a1f',
            request_id: 'req-1',
            endpoint: '/functions/v1/integration-tickets',
            method: 'GET',
            status_code: 200,
            response_time_ms: 3.2,
            error_code: null,
            counted: true,
            ip_address: '203.0.113.7',
            user_agent: 'curl/8.5.0',
            created_at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.integration_tokens.get_usage_summary': { params, answers: { 200: stats } },
};
