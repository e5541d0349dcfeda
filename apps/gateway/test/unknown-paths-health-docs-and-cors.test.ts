import { defineRoute, routes } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;

beforeAll(async () => {
  await resetNats();
  service = await startPartnerService();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  gateway = await startGateway({
    env: {
      PARTNER_SERVICE_URL: service.url,
      AI_SERVICE_URL: 'http://127.0.0.1:9',
      WEBHOOK_DISPATCHER_URL: 'http://127.0.0.1:9',
      PUBLIC_URL: 'https://api.example.com',
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await owner.leave();
  await bus.close();
  await service.close();
});

const get = (path: string, init: RequestInit = {}) => fetch(gateway.url + path, init);

describe('addresses that are none', () => {
  test.each([
    ['/api/partner/v1/nothing', { error: { code: 'NOT_FOUND' } }],
    ['/api/v1/calls/1/nothing', { success: false, error: { code: 'NOT_FOUND' } }],
    ['/api/v1/nothing', { error: 'NOT_FOUND', code: 404 }],
    ['/functions/v1/nothing', { success: false, code: 'NOT_FOUND' }],
    ['/functions/v1/integration-tickets/x', { error: 'not_found' }],
    ['/auth/v1/nothing', { code: 404, error_code: 'not_found' }],
    ['/api/v1/call-logs/1/nothing', { success: false, error: { code: 'NOT_FOUND' } }],
    ['/api/v1/ws/calls/1/nothing', { success: false, error: { code: 'NOT_FOUND' } }],
    ['/api/v1/auth/nothing', { error: 'NOT_FOUND', code: 404 }],
    ['/api/v1/auth/device/nothing', { error: 'not_found', error_description: expect.any(String), code: 404 }],
    ['/device/nothing', { type: 'about:blank', status: 404, code: 'NOT_FOUND' }],
    ['/api/admin/v1/nothing', { type: 'about:blank', status: 404, code: 'NOT_FOUND' }],
    ['/nothing', { type: 'about:blank', status: 404, code: 'NOT_FOUND' }],
    ['/', { status: 404 }],
  ])('%s is 404 in the dialect of its surface', async (path, body) => {
    const response = await get(path, { method: 'POST', body: '{"left":"unread"}' });
    expect([response.status, await response.json()]).toMatchObject([404, body]);
    expect(response.headers.get('x-request-id')).toBeTruthy();
  });

  test('a known address with another method is 405 and says which it takes', async () => {
    const response = await get('/api/partner/v1/companies/create', { method: 'DELETE' });
    expect([response.status, await response.json()]).toMatchObject([
      405,
      { error: { code: 'METHOD_NOT_ALLOWED' } },
    ]);
    expect(response.headers.get('allow')).toContain('POST');
    expect((await get('/api/partner/v1/health', { method: 'PUT' })).headers.get('allow')).toBe('GET, HEAD');
  });

  test('a bad percent-encoding is 400 in the dialect', async () => {
    const response = await get('/api/partner/v1/jobs/%zz/status');
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'INVALID_PARAMETER' } },
    ]);
  });
});

test('an endpoint that is added to the contracts is served without a change here', async () => {
  const added = defineRoute({
    id: 'partner.companies.list_again',
    summary: 'Added',
    source: 'this test',
    method: 'GET',
    path: '/api/partner/v1/added/:thing',
    service: 'partner-service',
    surface: 'partner',
    credentials: ['partner_key'],
    limitGroup: 'partner',
    params: z.object({ thing: z.string() }),
    responses: { 200: { description: 'Added' } },
    errors: [],
  });
  const front = await startGateway({ routes: [...routes, added], env: { PARTNER_SERVICE_URL: service.url } });
  expect((await fetch(`${front.url}/api/partner/v1/added/1`)).status).toBe(401);
  expect((await fetch(`${front.url}/api/partner/v1/added/1`, { method: 'POST' })).status).toBe(405);
  // The service does not implement it: its own 404 comes through.
  const answer = await fetch(`${front.url}/api/partner/v1/added/1`, { headers: owner.issue().headers });
  expect([answer.status, answer.headers.get('x-ratelimit-limit')]).toEqual([404, '1000']);
  await front.close();
});

describe('health', () => {
  test.each(['/health', '/api/health', '/api/v1/health'])('%s sums up every service', async (path) => {
    const answer = await waitFor(
      async () => {
        const response = await get(path);
        const body = Object(await response.json());
        return body.services['partner-service'] === 'ok' && [response.status, body];
      },
      { what: 'health' },
    );
    expect(answer).toMatchObject([
      200,
      {
        status: 'degraded',
        services: { 'partner-service': 'ok', 'ai-service': 'down', 'webhook-dispatcher': 'down' },
      },
    ]);
  });

  test('is down, with 503, when nothing behind the gateway answers', async () => {
    const alone = await startGateway({ env: { PARTNER_SERVICE_URL: 'http://127.0.0.1:9' } });
    const response = await fetch(`${alone.url}/health`);
    expect([response.status, await response.json()]).toMatchObject([503, { status: 'down' }]);
    await alone.close();
  });

  test('orchestrators find /livez, /readyz and /metrics', async () => {
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect(await (await get('/metrics')).text()).toMatch(/gateway_upstream_up/);
  });
});

describe('documents and pages', () => {
  test('openapi.json says how callers reach this gateway', async () => {
    const document = await (await get('/openapi.json')).json();
    expect(document).toMatchObject({ openapi: '3.1.1', servers: [{ url: 'https://api.example.com' }] });
    expect(await (await get('/asyncapi.json')).json()).toMatchObject({ asyncapi: '3.0.0' });
  });

  test.each(['/', '/docs/'])('%s leads to them', async (path) => {
    const answer = await get(path, { redirect: 'manual' });
    expect(answer.status).toBe(308);
    expect(answer.headers.get('location')).toBe('/docs');
  });

  test.each(['/docs', '/docs/api', '/docs/events'])('%s loads from this gateway alone', async (path) => {
    const response = await get(path);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/https?:|unsafe-eval|script-src[^;]*unsafe/);
    const html = await response.text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    for (const [, url = ''] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
      expect((await get(url)).ok, url).toBe(true);
    }
  });

  test('the page to make calls with is there only where it is asked for, and talks to this gateway alone', async () => {
    expect((await get('/demo/call')).status).toBe(404);
    const front = await startGateway({ env: { DEMO_PAGES: 'true', PUBLIC_URL: 'https://api.example.com' } });
    try {
      const response = await fetch(`${front.url}/demo/call`);
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("connect-src 'self' wss://api.example.com;");
      const html = await response.text();
      expect(html).not.toMatch(/(src|href)="(https?:)?\/\/|<script>|\son[a-z]+=|style=/);
      for (const [, url = ''] of html.matchAll(/(?:src|href)="(\/demo[^"]*)"/g)) {
        const file = await fetch(front.url + url);
        expect([file.status, file.headers.get('etag')], url).toEqual([200, expect.any(String)]);
      }
      expect((await fetch(`${front.url}/demo/assets/index.ts`)).status).toBe(404);
    } finally {
      await front.close();
    }
  });

  test('the renderer comes zipped, and not again to who has it', async () => {
    const first = await get('/docs/assets/reference.js', { headers: { 'accept-encoding': 'gzip' } });
    expect(first.headers.get('content-encoding')).toBe('gzip');
    expect(await first.text()).toContain('createApiReference');
    const etag = first.headers.get('etag') ?? '';
    const again = await get('/docs/assets/reference.js', { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });

  test('the renderer is told to leave everybody else alone', async () => {
    const script = await (await get('/docs/assets/start.js')).text();
    expect(script).toContain('withDefaultFonts: false');
    expect(script).toContain('telemetry: false');
    expect(script).not.toContain('http');
  });

  test('whoever downloads them over and over is told to wait, and keeps nobody from the API', async () => {
    const front = await startGateway({ env: { PARTNER_SERVICE_URL: service.url } });
    let answer = await fetch(`${front.url}/docs`);
    for (let i = 0; i < 120 && answer.status === 200; i += 1) {
      await answer.body?.cancel();
      answer = await fetch(`${front.url}/docs`);
    }
    expect([answer.status, await answer.json()]).toMatchObject([429, { code: 'RATE_LIMIT_EXCEEDED' }]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const api = await fetch(`${front.url}/api/partner/v1/health`, { headers: owner.issue().headers });
    expect(api.status).toBe(200);
    await front.close();
  });
});

describe('CORS', () => {
  const origin = 'https://app.example';

  test('a preflight is answered without a credential', async () => {
    const response = await get('/api/partner/v1/calls/analyze', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-api-secret',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    const allowed = response.headers.get('access-control-allow-headers') ?? '';
    for (const name of [
      'authorization',
      'x-api-secret',
      'x-idempotency-key',
      'content-type',
      'x-request-id',
      'apikey',
    ]) {
      expect(allowed.toLowerCase()).toContain(name);
    }
  });

  test('good answers and errors alike may be read by a page, limits too', async () => {
    for (const [path, headers] of [
      ['/api/partner/v1/health', owner.issue().headers],
      ['/api/partner/v1/health', {}],
      ['/api/partner/v1/nothing', {}],
      ['/nothing', {}],
    ] as const) {
      const response = await get(path, { headers: { origin, ...headers } });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
      const exposed = response.headers.get('access-control-expose-headers') ?? '';
      for (const name of [
        'X-RateLimit-Remaining',
        'RateLimit',
        'Retry-After',
        'X-Request-Id',
        'Location',
        'Idempotent-Replay',
      ]) {
        expect(exposed).toContain(name);
      }
    }
  });

  test('with a list of origins only those are let in', async () => {
    const front = await startGateway({
      env: { PARTNER_SERVICE_URL: service.url, CORS_ORIGINS: 'https://a.example, https://b.example' },
    });
    const allowedTo = async (from: string) =>
      (await fetch(`${front.url}/api/partner/v1/health`, { headers: { origin: from } })).headers.get(
        'access-control-allow-origin',
      );
    expect(await allowedTo('https://b.example')).toBe('https://b.example');
    expect(await allowedTo('https://c.example')).toBeNull();
    await front.close();
  });
});
