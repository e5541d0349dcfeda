import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createManualClock } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import jwt from 'jsonwebtoken';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { bearer, createIdentityOwner, type IdentityOwner, makeSigningKey, sign } from './support/identity.ts';

const SECRET = 'a-supabase-jwt-secret-of-at-least-32-characters';
const ME = '/api/admin/v1/test/me';
const clock = createManualClock();
const first = makeSigningKey('e1');
const second = makeSigningKey('e2', 'ES256');

/** The far end: a Supabase project as far as its key set goes. */
let project: Server;
let projectUrl: string;
let answerKeys: RequestListener;
let keyQuestions: number;
const keySet = (...keys: (typeof first)[]): RequestListener => {
  const body = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
  return (_request, response) => response.setHeader('content-type', 'application/json').end(body);
};

let echo: Echo;
let identity: IdentityOwner;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;

const open = (env: Record<string, string>, more: { keySetTimeoutMs?: number } = {}) =>
  startGateway({
    clock,
    ...more,
    routes: [testRoute(ME, ['user'])],
    env: { PARTNER_SERVICE_URL: echo.url, CREDENTIAL_REFUSALS_PER_MINUTE: '1000', ...env },
  });

const get = async (token: string, at = gateway) => {
  const response = await fetch(at.url + ME, { headers: bearer(token) });
  return { status: response.status, headers: response.headers, body: Object(await response.json()) };
};

/** The claims of a user of the project, whom identity-service knows from then on. */
const claimsOf = (more: Record<string, unknown> = {}) => {
  const userId = randomUUID();
  identity.set(userId, { ok: true, email: 'them@example.com', role: 'user', business_id: null });
  const now = Math.floor(clock.now().getTime() / 1000);
  return {
    iss: `${projectUrl}/auth/v1`,
    sub: userId,
    aud: 'authenticated',
    role: 'authenticated',
    iat: now,
    exp: now + 3600,
    session_id: randomUUID(),
    app_metadata: { role: 'agent', provider: 'email' },
    ...more,
  };
};

const hs256 = (claims: object, secret = SECRET) => jwt.sign(claims, secret, { algorithm: 'HS256' });

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  bus = await connectTestBus();
  identity = createIdentityOwner(bus, clock);
  project = createServer((request, response) => {
    if (request.url !== '/auth/v1/.well-known/jwks.json') return response.writeHead(404).end();
    keyQuestions += 1;
    answerKeys(request, response);
  });
  await new Promise<void>((resolve) => project.listen(0, '127.0.0.1', resolve));
  projectUrl = `http://127.0.0.1:${(project.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await identity.leave();
  await bus.close();
  await echo.close();
  project.closeAllConnections();
  await new Promise((resolve) => project.close(resolve));
});
beforeEach(async () => {
  keyQuestions = 0;
  answerKeys = keySet(first);
  gateway = await open({ SUPABASE_URL: projectUrl, SUPABASE_JWT_SECRET: SECRET });
});
afterEach(async () => {
  await gateway.close();
});

describe('a token of the project', () => {
  test.each([
    ['HS256 with its secret', () => hs256(claimsOf())],
    ['RS256 with a key of its set', () => sign(claimsOf(), first)],
    ['ES256 with a key of its set', () => sign(claimsOf(), second)],
  ])('%s is taken', async (_what, make) => {
    answerKeys = keySet(first, second);
    const answer = await get(make());
    expect(answer).toMatchObject({
      status: 200,
      body: { principal: { kind: 'user', origin: 'external', email: 'them@example.com', role: 'user' } },
    });
    // What it says of its user is told to identity-service, which decides.
    expect(identity.asked.at(-1)).toMatchObject({ origin: 'external', role: 'agent' });
  });

  test('an unknown role is none', async () => {
    expect((await get(hs256(claimsOf({ app_metadata: { role: 'root' } })))).status).toBe(200);
    expect(identity.asked.at(-1)).toMatchObject({ role: null });
  });

  test('is refused when it is not: other secret, project, audience, role, key, algorithm', async () => {
    const forged = makeSigningKey('e1');
    const publicKey = first.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const cases = [
      hs256(claimsOf(), 'another-secret-of-at-least-32-characters!'),
      hs256(claimsOf(), publicKey),
      hs256(claimsOf({ iss: 'https://other.supabase.co/auth/v1' })),
      hs256(claimsOf({ iss: undefined })),
      hs256(claimsOf({ aud: 'anon' })),
      hs256(claimsOf({ role: 'anon' })),
      hs256(claimsOf({ role: 'service_role' })),
      hs256(claimsOf({ sub: 'nobody' })),
      sign(claimsOf(), forged),
      sign(claimsOf(), second),
      sign(claimsOf({ iss: 'https://other.supabase.co/auth/v1' }), first),
      sign(claimsOf({ exp: Math.floor(clock.now().getTime() / 1000) - 6 }), first),
      // A token of our own, but with the project's key; and one of theirs with ours.
      sign(identity.signIn().claims, first),
      sign(claimsOf(), identity.keys[0] ?? first),
      // Our own issuer never signs with the project's secret.
      hs256(identity.signIn().claims),
    ];
    const answers = new Set<string>();
    for (const token of cases) {
      const { status, body } = await get(token);
      answers.add(JSON.stringify([status, body]));
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toContain('INVALID_CREDENTIAL');
  });

  test('only what is configured is taken', async () => {
    const onlySecret = await open({ SUPABASE_JWT_SECRET: SECRET });
    const nothing = await open({});
    expect((await get(hs256(claimsOf()), onlySecret)).status).toBe(200);
    expect((await get(sign(claimsOf(), first), onlySecret)).status).toBe(401);
    expect((await get(hs256(claimsOf()), nothing)).status).toBe(401);
    expect((await get(sign(claimsOf(), first), nothing)).status).toBe(401);
    expect(keyQuestions).toBe(0);
    await onlySecret.close();
    await nothing.close();
  });
});

describe('its key set', () => {
  test('is read once for many, and again for a key that is new: a rotation is survived', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => get(sign(claimsOf(), first))));
    expect(many.every(({ status }) => status === 200)).toBe(true);
    expect(keyQuestions).toBe(1);
    answerKeys = keySet(second);
    clock.advance(4);
    expect((await get(sign(claimsOf(), second))).status).toBe(200);
    expect(keyQuestions).toBe(2);
    // The old key left the set.
    expect((await get(sign(claimsOf(), first))).status).toBe(401);
  });

  test('made up key ids do not become a loop of questions', async () => {
    expect((await get(sign(claimsOf(), first))).status).toBe(200);
    clock.advance(4);
    const tokens = Array.from({ length: 20 }, (_, i) => sign(claimsOf(), first, { kid: `made-up-${i}` }));
    const begunMs = performance.now();
    const answers = await Promise.all(tokens.map((token) => get(token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    // One at once, and one after each pause of a second for all that came meanwhile.
    const pauses = Math.ceil((performance.now() - begunMs) / 1000);
    expect(keyQuestions).toBeLessThanOrEqual(2 + pauses);
  });

  test.each<[string, RequestListener]>([
    ['away', (request) => request.socket.destroy()],
    ['failing', (_request, response) => response.writeHead(500).end('no')],
    ['garbage', (_request, response) => response.end('<html>')],
    ['another shape', (_request, response) => response.end('{"keys":"none"}')],
    ['empty', (_request, response) => response.end('{"keys":[]}')],
    [
      'only what cannot be used',
      (_request, response) => response.end('{"keys":[{"kty":"oct","kid":"e1","k":"AAAA"}]}'),
    ],
    ['10 MB', (_request, response) => response.end(`{"keys":["${'x'.repeat(10_000_000)}"]}`)],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
  ])(
    '%s: known keys stay good, unknown ones get 503, and it is left alone for a while',
    async (_what, listener) => {
      expect((await get(sign(claimsOf(), first))).status).toBe(200);
      answerKeys = listener;
      // Older than it is read without being asked.
      clock.advance(400);
      expect((await get(sign(claimsOf(), first))).status).toBe(200);
      await waitFor(() => keyQuestions === 2, { what: 'the second question' });
      const unknown = await get(sign(claimsOf(), second));
      expect(unknown).toMatchObject({ status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
      expect(unknown.headers.get('retry-after')).toBe('5');
      const asked = keyQuestions;
      for (let i = 0; i < 5; i += 1) expect((await get(sign(claimsOf(), second))).status).toBe(503);
      expect(keyQuestions).toBe(asked);
      expect((await get(sign(claimsOf(), first))).status).toBe(200);
      answerKeys = keySet(first, second);
      clock.advance(61);
      expect((await get(sign(claimsOf(), second))).status).toBe(200);
    },
  );

  // Whoever stands still for those seconds sees both answers at once.
  test('slow: 503 after a few seconds, and known keys do not wait', { retry: 3 }, async () => {
    await gateway.close();
    gateway = await open(
      { SUPABASE_URL: projectUrl, SUPABASE_JWT_SECRET: SECRET },
      { keySetTimeoutMs: 3_000 },
    );
    expect((await get(sign(claimsOf(), first))).status).toBe(200);
    answerKeys = () => {};
    clock.advance(4);
    const waiting = get(sign(claimsOf(), second));
    await waitFor(() => keyQuestions === 2, { what: 'the second question' });
    const known = get(sign(claimsOf(), first));
    expect((await Promise.race([waiting, known])).status).toBe(200);
    expect((await waiting).status).toBe(503);
  });
});
