import { connect } from 'node:net';
import { partnerPrincipalSchema, routes } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner, type TestPair } from './support/keys.ts';
import {
  type PartnerService,
  type RawUpstream,
  startPartnerService,
  startRawUpstream,
} from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let pair: TestPair;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
const extra: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  await resetNats();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
});
afterAll(async () => {
  await owner.leave();
  await bus.close();
});
beforeEach(async () => {
  service = await startPartnerService();
  gateway = await startGateway({ env: { PARTNER_SERVICE_URL: service.url } });
  pair = owner.issue();
});
afterEach(async () => {
  for (const each of extra.splice(0)) await each.close();
  await gateway.close();
  await service.close();
});

const inFrontOf = async (upstream: RawUpstream): Promise<TestGateway> => {
  const front = await startGateway({ env: { PARTNER_SERVICE_URL: upstream.url } });
  extra.push(front, upstream);
  return front;
};

/** Sends bytes as they are and gives back what comes until the connection ends or `enough` holds. */
const sendRaw = (bytes: string, enough: (text: string) => boolean = () => false): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (enough(text)) socket.destroy();
    });
    socket.on('close', () => resolve(text)).on('error', () => {});
  });

const HEALTH = '/api/partner/v1/health';
const CREATE = '/api/partner/v1/companies/create';
const company = JSON.stringify({ name: 'A', contact_email: 'a@b.co' });

describe('inward', () => {
  test('go an internal token, one trace, one request id; never the credential', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const response = await fetch(gateway.url + HEALTH, {
      headers: { ...pair.headers, traceparent, 'x-request-id': 'mine-1' },
    });
    expect(response.headers.get('x-request-id')).toBe('mine-1');
    const { headers, rawHeaders } = service.seen[0] ?? {};
    expect(headers?.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(headers?.traceparent).not.toBe(traceparent);
    expect(headers).toMatchObject({ 'x-request-id': 'mine-1', 'x-forwarded-for': '127.0.0.1' });
    const claims = JSON.parse(
      Buffer.from(String(headers?.['x-internal-token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ aud: 'partner-service', sub: pair.keyId });
    expect(partnerPrincipalSchema.parse(claims.principal).key_id).toBe(pair.keyId);
    expect(rawHeaders?.join('\n')).not.toContain(pair.key);
    expect(rawHeaders?.join('\n')).not.toContain(pair.secret);
  });

  test('nothing goes that could impersonate, nor what is for one connection only', async () => {
    const given = [
      `GET ${HEALTH} HTTP/1.1`,
      'Host: evil.example',
      `Authorization: Bearer ${pair.key}`,
      `X-API-Secret: ${pair.secret}`,
      'X-Internal-Token: forged',
      'X-INTERNAL-Admin: 1',
      'X-Principal: forged',
      'x-principal-id: forged',
      'X-Forwarded-For: 10.9.9.9',
      'X-Forwarded-User: forged',
      'Forwarded: for=10.9.9.9',
      'X-Real-IP: 10.9.9.9',
      'Keep-Alive: timeout=1000',
      'TE: trailers',
      'Proxy-Authorization: Basic x',
      'X-Only-Here: 1',
      'X-Stays: 1',
      'Connection: close, X-Only-Here',
      'Transfer-Encoding: chunked',
      'Trailer: x-late',
    ];
    await sendRaw(`${given.join('\r\n')}\r\n\r\n0\r\n\r\n`);
    const names = (service.seen[0]?.rawHeaders ?? [])
      .filter((_, i) => i % 2 === 0)
      .map((name) => name.toLowerCase());
    expect(names.filter((name) => name === 'x-internal-token')).toHaveLength(1);
    expect(service.seen[0]?.headers['x-internal-token']).not.toBe('forged');
    expect(service.seen[0]?.headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(names).toContain('x-stays');
    for (const name of [
      'x-internal-admin',
      'x-principal',
      'x-principal-id',
      'x-forwarded-user',
      'forwarded',
      'x-real-ip',
      'te',
      'proxy-authorization',
      'x-only-here',
      'trailer',
      'keep-alive',
    ]) {
      expect(names).not.toContain(name);
    }
  });

  test.each([
    ['x-idempotency-key', { 'x-idempotency-key': 'k-1' }, 'k-1'],
    ['idempotency-key', { 'idempotency-key': 'k-2' }, 'k-2'],
    ['both, the same', { 'idempotency-key': 'k-3', 'x-idempotency-key': 'k-3' }, 'k-3'],
  ])('the idempotency key goes under one name: %s', async (_what, headers, key) => {
    const response = await fetch(gateway.url + CREATE, {
      method: 'POST',
      headers: { ...pair.headers, ...headers, 'content-type': 'application/json' },
      body: company,
    });
    expect(response.status).toBe(201);
    expect(service.seen[0]?.headers['idempotency-key']).toBe(key);
    expect(service.seen[0]?.headers['x-idempotency-key']).toBeUndefined();
  });

  test.each([
    ['256 characters', { 'x-idempotency-key': 'k'.repeat(256) }],
    ['a space', { 'x-idempotency-key': 'a b' }],
    ['letters beyond ASCII', { 'x-idempotency-key': 'caf\u00e9' }],
    ['two that differ', { 'x-idempotency-key': 'a', 'idempotency-key': 'b' }],
  ])('an idempotency key of another shape is 400: %s', async (_what, headers) => {
    const response = await fetch(gateway.url + CREATE, {
      method: 'POST',
      headers: { ...pair.headers, ...headers, 'content-type': 'application/json' },
      body: company,
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'INVALID_IDEMPOTENCY_KEY' } },
    ]);
  });

  test('a query and odd paths arrive as they were sent', async () => {
    await fetch(`${gateway.url}/api/partner/v1/companies?search=%25a%2Fb&limit=1`, { headers: pair.headers });
    expect(service.seen[0]?.url).toBe('/api/partner/v1/companies?search=%25a%2Fb&limit=1');
    const absolute = `GET http://other.example${HEALTH}?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer ${pair.key}\r\nX-API-Secret: ${pair.secret}\r\n\r\n`;
    expect(await sendRaw(absolute)).toMatch(/^HTTP\/1.1 200/);
    expect(service.seen[1]?.url).toBe(`${HEALTH}?x=1`);
  });
});

describe('outward', () => {
  test('HEAD answers like GET, without a body', async () => {
    const response = await fetch(gateway.url + HEALTH, { method: 'HEAD', headers: pair.headers });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  test('headers of the inside stay inside', async () => {
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.writeHead(200, {
          'content-type': 'application/json',
          server: 'inside/1',
          'x-powered-by': 'inside',
          'x-internal-note': 'secret',
          'x-request-id': 'theirs',
          'access-control-allow-origin': 'https://inside.example',
          'x-ratelimit-remaining': '-1',
          'x-kept': 'yes',
        });
        response.end('{}');
      }),
    );
    const { headers } = await fetch(front.url + HEALTH, { headers: pair.headers });
    for (const name of ['server', 'x-powered-by', 'x-internal-note']) expect(headers.get(name)).toBeNull();
    expect(headers.get('x-request-id')).not.toBe('theirs');
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('x-ratelimit-remaining')).toBe('999');
    expect(headers.get('x-kept')).toBe('yes');
  });

  test.each([
    ['a stack trace in HTML', 500, 'text/html', '<pre>Error: at /srv/app/secret.ts:1</pre>'],
    [
      'a framework’s own JSON',
      500,
      'application/json',
      '{"statusCode":500,"message":"at /srv/app/secret.ts"}',
    ],
    ['JSON that is none', 503, 'application/json', '{"error":{"code":"X","message":"at /srv'],
    [
      'an answer to a bad token',
      401,
      'application/json',
      '{"error":{"code":"UNAUTHORIZED","message":"secret"}}',
    ],
  ])('%s becomes 502 in the dialect', async (_what, status, type, text) => {
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.writeHead(status, { 'content-type': type }).end(text);
      }),
    );
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    const body = await response.text();
    expect(response.status).toBe(502);
    expect(JSON.parse(body).error.code).toBe('BAD_GATEWAY');
    expect(body).not.toMatch(/srv|secret/);
  });

  test('an error in the dialect passes untouched', async () => {
    const response = await fetch(`${gateway.url}/api/partner/v1/companies?limit=0`, {
      headers: pair.headers,
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'INVALID_PARAMETER', details: { fields: [{ field: 'limit' }] } } },
    ]);
  });

  test('a long answer streams, and as fast as it is read', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'a');
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        let left = 400;
        const more = () => {
          while (left > 0) {
            left -= 1;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      }),
    );
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    let bytes = 0;
    for await (const part of response.body ?? []) bytes += part.length;
    expect(bytes).toBe(400 * chunk.length);
  });

  test('events of a stream arrive one by one', async () => {
    let finish = () => {};
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
        finish = () => response.end('data: 2\n\n');
      }),
    );
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('data: 1\n\n');
    finish();
    const second = await reader?.read();
    expect(Buffer.from(second?.value ?? []).toString()).toBe('data: 2\n\n');
  });
});

describe('faults behind the gateway', () => {
  test('a service that does not answer in time: 504', async () => {
    const upstream = await startRawUpstream(() => {});
    const front = await startGateway({
      env: { PARTNER_SERVICE_URL: upstream.url },
      routes: routes.map((route) => ({ ...route, timeoutSeconds: 0.2 })),
    });
    extra.push(front, upstream);
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    expect([response.status, await response.json()]).toMatchObject([
      504,
      { error: { code: 'GATEWAY_TIMEOUT' } },
    ]);
  });

  test('an answer that is no HTTP: 502', async () => {
    const front = await inFrontOf(
      await startRawUpstream((request) => void request.socket.end('SSH-2.0-OpenSSH\r\n\r\n')),
    );
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    expect([response.status, await response.json()]).toMatchObject([502, { error: { code: 'BAD_GATEWAY' } }]);
  });

  test('an answer that breaks off in the middle breaks off at the caller too', async () => {
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.writeHead(200, { 'content-length': '1000', 'content-type': 'application/json' });
        response.write('{"half":', () => response.destroy());
      }),
    );
    await expect(
      fetch(front.url + HEALTH, { headers: pair.headers }).then((response) => response.text()),
    ).rejects.toThrow();
  });

  test('nothing listening: 503 after the wait, in the dialect', async () => {
    const front = await startGateway({
      env: { PARTNER_SERVICE_URL: 'http://127.0.0.1:9', UPSTREAM_WAIT_SECONDS: '0.3' },
    });
    extra.push(front);
    const response = await fetch(front.url + HEALTH, { headers: pair.headers });
    expect(response.headers.get('retry-after')).toBe('2');
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { error: { code: 'SERVICE_UNAVAILABLE' } },
    ]);
  });

  test('a caller that leaves takes its request with it', async () => {
    let reached = () => {};
    const arrived = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let left = () => {};
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const front = await inFrontOf(
      await startRawUpstream((_request, response) => {
        response.once('close', left);
        reached();
      }),
    );
    const abort = new AbortController();
    const request = fetch(front.url + HEALTH, { headers: pair.headers, signal: abort.signal });
    await arrived;
    abort.abort();
    await expect(request).rejects.toThrow();
    await gone;
  });
});
