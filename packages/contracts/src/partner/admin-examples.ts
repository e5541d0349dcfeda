import type { RouteExample } from '../specs/examples.ts';

const AT = '2024-12-15T10:30:00.000Z';
const KEY = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const DELIVERY = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const key = {
  id: KEY,
  partner_id: '0192f0c1-2b3c-7d4e-8f50-617283940a20',
  partner_name: 'CompanyX Call Center',
  environment: 'sandbox',
  company_id: null,
  key_prefix: 'pk_sandbox_4',
  permissions: { all: true },
  allowed_ips: ['203.0.113.0/24'],
  rate_limit_per_minute: 1000,
  status: 'active',
  is_active: true,
  expires_at: '2025-12-15T10:30:00.000Z',
  revoked_at: null,
  last_used_at: AT,
  previous_secret_expires_at: null,
  previous_secret_last_used_at: null,
  webhook_secret_version: 1,
  created_by: '0192f0c1-2b3c-7d4e-8f50-617283940a21',
  created_at: AT,
  updated_at: AT,
};
const params = { key_id: KEY };

/** Of the routes in admin-routes.ts, by route id. No scanner takes these secrets for real ones. */
export const partnerAdminExamples: Record<string, RouteExample> = {
  'admin.partner_keys.list': { answers: { 200: { partner_keys: [key], next_cursor: null } } },
  'admin.partner_keys.create': {
    body: { partner_name: 'CompanyX Call Center', environment: 'sandbox', allowed_ips: ['203.0.113.0/24'] },
    answers: {
      201: {
        ...key,
        last_used_at: null,
        api_key: 'pk_sandbox_shown-once',
        api_secret: 'sk_shown-once',
        webhook_secret: 'whsec_shown-once',
      },
    },
  },
  'admin.partner_keys.get': { params, answers: { 200: key } },
  'admin.partner_keys.update': {
    params,
    body: { rate_limit_per_minute: 2000, permissions: ['companies.read', 'jobs.read'] },
    answers: {
      200: { ...key, rate_limit_per_minute: 2000, permissions: ['companies.read', 'jobs.read'] },
    },
  },
  'admin.partner_keys.rotate': {
    params,
    body: { overlap_seconds: 86_400 },
    answers: {
      200: {
        id: KEY,
        api_secret: 'sk_shown-once',
        webhook_secret: null,
        previous_secret_expires_at: '2024-12-16T10:30:00.000Z',
      },
    },
  },
  'admin.partner_keys.revoke': {
    params,
    answers: { 200: { ...key, status: 'revoked', is_active: false, revoked_at: AT } },
  },
  'admin.partner_keys.get_usage': {
    params,
    answers: {
      200: {
        from: '2024-11-15T10:30:00.000Z',
        to: AT,
        total_requests: 1204,
        successful_requests: 1190,
        failed_requests: 14,
        average_response_time_ms: 12.41,
        total_jobs: 310,
        completed_jobs: 305,
        failed_jobs: 3,
        pending_jobs: 2,
      },
    },
  },
  'admin.partner_keys.list_requests': {
    params,
    answers: {
      200: {
        requests: [
          {
            id: '0192f0c1-2b3c-7d4e-8f50-617283940a22',
            method: 'GET',
            endpoint: '/api/partner/v1/jobs/:job_id/status',
            response_status: 200,
            response_time_ms: 4.2,
            error_code: null,
            request_id: 'req-1',
            trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
            ip_address: '203.0.113.7',
            user_agent: 'curl/8.5.0',
            idempotency_key: null,
            repeated: 0,
            created_at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.partner_keys.list_webhooks': {
    params,
    answers: {
      200: {
        webhooks: [
          {
            id: '0192f0c1-2b3c-7d4e-8f50-617283940a23',
            delivery_id: DELIVERY,
            job_id: JOB,
            webhook_url: 'https://partner.com/webhook/callback',
            attempt_number: 3,
            http_status: 500,
            success: false,
            error_message: 'HTTP 500',
            duration_ms: 41,
            next_attempt_at: null,
            created_at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
  'admin.partner_keys.retry_webhook': {
    params: { delivery_id: DELIVERY },
    answers: { 200: { delivery_id: DELIVERY, status: 'scheduled', attempt_number: 4 } },
  },
  'admin.partner_keys.retry_failed_webhooks': {
    params,
    answers: { 200: { total: 3, successful: 2, failed: 1, pending: 0, has_more: false } },
  },
  'admin.partner_companies.list': {
    answers: {
      200: {
        companies: [
          {
            id: '550e8400-e29b-41d4-a716-446655440000',
            environment: 'sandbox',
            name: 'Test Company',
            industry: 'retail',
            contact_email: 'admin@testcompany.com',
            total_agents: 12,
            total_calls: 340,
            created_at: AT,
          },
        ],
        next_cursor: null,
      },
    },
  },
};
