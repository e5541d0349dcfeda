import type { RouteExample } from '../specs/examples.ts';

export const gatewayAdminExamples: Readonly<Record<string, RouteExample>> = {
  'admin.auth.explain': {
    body: {
      headers: {
        authorization: 'Bearer pk_sandbox_000000000000000000000000000000abcdef',
        'x-api-secret': 'sk_000000000000000000000000000000abcdef',
      },
      method: 'GET',
      path: '/api/partner/v1/health',
      ip: '203.0.113.7',
    },
    answers: {
      200: {
        accepted: false,
        credential: { kind: 'partner_key', prefix: null },
        route: {
          id: 'partner.health.get',
          method: 'GET',
          path: '/api/partner/v1/health',
          credentials: ['partner_key'],
        },
        checks: [
          { check: 'route', result: 'passed', reason: null },
          { check: 'surface', result: 'passed', reason: null },
          { check: 'presented', result: 'passed', reason: null },
          { check: 'shape', result: 'failed', reason: 'malformed_key' },
          { check: 'lookup', result: 'skipped', reason: null },
          { check: 'expiry', result: 'skipped', reason: null },
          { check: 'address', result: 'skipped', reason: null },
          { check: 'permission', result: 'skipped', reason: null },
        ],
        principal: null,
        answer: {
          status: 401,
          code: 'INVALID_CREDENTIAL',
          message: 'The API key or its secret is not valid',
        },
      },
    },
  },
};
