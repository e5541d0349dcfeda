import {
  createManualClock,
  explainAnswer,
  gatewayAdminRoutes,
  generateKey,
  keyPrefixes,
  partnerRoutes,
} from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { bearer, createIdentityOwner, type IdentityOwner, makeSigningKey, sign } from './support/identity.ts';
import { createKeyOwner, type KeyOwner } from './support/keys.ts';
import { createApiKeyOwner, createTicketOwner, createTokenOwner } from './support/owners.ts';

const clock = createManualClock();
const EXPLAIN = '/api/admin/v1/auth/explain';
const ANON_KEY = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl';

let echo: Echo;
let identity: IdentityOwner;
let partners: KeyOwner;
let apiKeys: ReturnType<typeof createApiKeyOwner>;
let tokens: ReturnType<typeof createTokenOwner>;
let tickets: ReturnType<typeof createTicketOwner>;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let gateway: TestGateway;
let admin: Record<string, string>;

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  bus = await connectTestBus();
  identity = createIdentityOwner(bus, clock);
  partners = createKeyOwner(bus);
  apiKeys = createApiKeyOwner(bus);
  tokens = createTokenOwner(bus);
  tickets = createTicketOwner(bus);
  gateway = await startGateway({
    clock,
    routes: [
      gatewayAdminRoutes.explain,
      partnerRoutes.health,
      partnerRoutes.createCompany,
      testRoute('/api/v1/calls/recordings/:id', ['api_key', 'ticket'], { surface: 'calls' }),
      testRoute('/functions/v1/integration-tickets/tickets', ['integration_token'], { surface: 'tickets' }),
      testRoute('/api/admin/v1/test/admins', ['user'], { roles: ['admin'] }),
      testRoute('/api/admin/v1/test/stripe', ['provider'], { provider: 'stripe', method: 'POST' }),
      testRoute('/api/admin/v1/test/open', []),
    ],
    env: {
      PARTNER_SERVICE_URL: echo.url,
      ANON_KEY,
      CREDENTIAL_REFUSALS_PER_MINUTE: '2',
      STRIPE_WEBHOOK_SECRET: 'whsec_x',
    },
  });
  admin = bearer(identity.signIn({ role: 'admin' }).token);
});
afterAll(async () => {
  await gateway.close();
  for (const owner of [identity, partners, apiKeys, tokens, tickets]) await owner.leave();
  await bus.close();
  await echo.close();
});

const ask = async (body: unknown, headers = admin) => {
  const response = await fetch(gateway.url + EXPLAIN, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: Object(await response.json()) };
};

const explain = async (body: unknown) => {
  const answer = await ask(body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return explainAnswer.parse(answer.body);
};

const failed = (answer: Awaited<ReturnType<typeof explain>>) =>
  answer.checks.filter(({ result }) => result === 'failed').map(({ check, reason }) => [check, reason]);

describe('what is explained', () => {
  test('a good key: every check passed, and who it is', async () => {
    const pair = partners.issue({ allowedIps: ['203.0.113.0/24'] });
    const answer = await explain({
      headers: pair.headers,
      path: '/api/partner/v1/health?x=1',
      ip: '203.0.113.7',
    });
    expect(answer).toMatchObject({
      accepted: true,
      credential: { kind: 'partner_key', prefix: pair.key.slice(0, 12) },
      route: { id: 'partner.health.get', path: '/api/partner/v1/health' },
      principal: { key_id: pair.keyId },
      answer: null,
    });
    expect(answer.checks.map(({ check, result }) => `${check} ${result}`)).toEqual([
      'route passed',
      'surface passed',
      'presented passed',
      'shape passed',
      'lookup passed',
      'expiry passed',
      'address passed',
      'permission passed',
    ]);
  });

  test('which check refuses, with the reason of the owner', async () => {
    const pair = partners.issue({ allowedIps: ['10.0.0.0/8'], permissions: ['jobs.read'] });
    const { headers } = pair;
    const health = '/api/partner/v1/health';
    const create = '/api/partner/v1/companies/create';
    const disabled = partners.issue();
    await partners.refuse(disabled, 'disabled', { quietly: true });
    const wrong = { ...headers, 'x-api-secret': generateKey(keyPrefixes.partnerSecret) };
    const cases: [unknown, string, string, number][] = [
      [{ headers: disabled.headers, path: health }, 'lookup', 'disabled', 401],
      [{ headers: wrong }, 'lookup', 'wrong_secret', 401],
      [{ headers: { ...headers, 'X-Api-Secret': ['a', 'b'] } }, 'shape', 'repeated_header', 401],
      [{ headers: { ...headers, 'x-api-secret': 'sk_short' } }, 'shape', 'malformed_secret', 401],
      [{ headers: { authorization: headers.authorization } }, 'shape', 'missing_secret', 401],
      [{ headers, path: health, ip: '203.0.113.7' }, 'address', 'not in its list', 403],
      [
        { headers, path: create, method: 'POST', ip: '10.0.0.1' },
        'permission',
        'This credential lacks the permission companies.write',
        403,
      ],
      [{ headers, path: '/nowhere' }, 'route', 'no_such_path', 404],
      [{ headers, path: create }, 'route', 'other_method', 405],
      [{ headers, path: '/api/admin/v1/test/admins' }, 'presented', 'of a kind that is not taken here', 401],
      [{ headers: {}, path: health }, 'presented', 'nothing that is a credential of ours', 401],
    ];
    for (const [body, check, reason, status] of cases) {
      const answer = await explain(body);
      expect([answer.accepted, failed(answer), answer.answer?.status]).toEqual([
        false,
        [[check, reason]],
        status,
      ]);
    }
  });

  test('tokens of users: signature, expiry, session and role', async () => {
    const path = '/api/admin/v1/test/admins';
    const user = identity.signIn();
    const [key = makeSigningKey('never')] = identity.keys;
    const gone = identity.signIn();
    await identity.end(gone, { quietly: true });
    const forged = sign(user.claims, makeSigningKey('k1'));
    const old = sign({ ...user.claims, exp: Math.floor(clock.now().getTime() / 1000) - 60 }, key);
    const cases: [string, string, string][] = [
      [user.token, 'permission', 'This needs the role admin'],
      [forged, 'signature', 'wrong_signature'],
      [old, 'expiry', 'expired'],
      [gone.token, 'session', 'session_ended'],
      ['eyJ.x.y', 'shape', 'malformed_header'],
    ];
    for (const [token, check, reason] of cases) {
      expect(failed(await explain({ headers: bearer(token), path }))).toEqual([[check, reason]]);
    }
    const good = await explain({ headers: bearer(identity.signIn({ role: 'admin' }).token), path });
    expect(good).toMatchObject({ accepted: true, principal: { kind: 'user', role: 'admin' } });
  });

  test('the other kinds, without a path too', async () => {
    const pair = apiKeys.issue();
    const token = tokens.issue({ allowedEndpoints: ['POST /tickets'] });
    const path = '/functions/v1/integration-tickets/tickets';
    expect(await explain({ headers: pair.headers })).toMatchObject({
      accepted: true,
      route: null,
      credential: { kind: 'api_key' },
    });
    expect(failed(await explain({ headers: token.headers, path }))).toEqual([
      ['permission', 'This token may not be used for GET /tickets'],
    ]);
    expect(await explain({ headers: { apikey: ANON_KEY } })).toMatchObject({
      accepted: true,
      credential: { kind: 'anon' },
    });
    expect(await explain({ headers: {}, path: '/api/admin/v1/test/open' })).toMatchObject({
      accepted: true,
      credential: null,
    });
    const signed = await explain({ headers: { 'Stripe-Signature': 't=1,v1=x' } });
    expect(signed).toMatchObject({ accepted: false, credential: { kind: 'provider' } });
  });

  test('a ticket is not spent, and a signature waits for its body', async () => {
    const path = '/api/v1/calls/recordings/r-1';
    const ticket = tickets.issue(path);
    const answer = await explain({ headers: {}, path: `${path}?ticket=${ticket}` });
    expect(answer).toMatchObject({ accepted: null, credential: { kind: 'ticket' } });
    expect((await fetch(`${gateway.url}${path}?ticket=${ticket}`)).status).toBe(200);
    const time = Math.floor(clock.now().getTime() / 1000);
    const signature = { 'stripe-signature': `t=${time},v1=${'0'.repeat(64)}` };
    const signed = await explain({ headers: signature, method: 'POST', path: '/api/admin/v1/test/stripe' });
    expect(signed).toMatchObject({ accepted: null, answer: null });
  });

  test('nothing is counted against whoever asks, nor against whom is asked about', async () => {
    for (let i = 0; i < 5; i += 1) await explain({ headers: bearer(generateKey('stk_')) });
    const pair = partners.issue();
    const response = await fetch(`${gateway.url}/api/partner/v1/health`, { headers: pair.headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-ratelimit-remaining')).toBe('999');
  });
});

describe('who may ask, and how', () => {
  test('administrators alone', async () => {
    const body = { headers: {} };
    expect((await ask(body, bearer(identity.signIn({ role: 'super_admin' }).token))).status).toBe(200);
    expect(await ask(body, bearer(identity.signIn({ role: 'agent' }).token))).toMatchObject({
      status: 403,
      body: { code: 'INSUFFICIENT_ROLE' },
    });
    expect((await ask(body, {})).status).toBe(401);
  });

  test('every faulty field is named', async () => {
    const answer = await ask({
      headers: { 'bad name': 'x' },
      method: 'BREW',
      path: 'no-slash',
      ip: 'me',
      more: 1,
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    const fields = answer.body.fields.map(({ field }: { field: string }) => field);
    expect(fields).toEqual(expect.arrayContaining(['method', 'path', 'ip', 'more']));
    expect((await ask({ headers: { a: 'x\r\ny' } })).status).toBe(400);
    const text = await fetch(gateway.url + EXPLAIN, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'text/plain' },
      body: 'x',
    });
    expect(text.status).toBe(415);
  });
});

test('no secret is ever in the answer', { timeout: 60_000 }, async () => {
  const SHOWN = 12;
  const user = identity.signIn();
  const secrets = fc.constantFrom(
    partners.issue().key,
    partners.issue().secret,
    generateKey(keyPrefixes.partnerProduction),
    apiKeys.issue().key,
    apiKeys.issue().secret,
    tokens.issue().token,
    tickets.issue('/x'),
    user.token,
    `${user.token.slice(0, -9)}`,
    'correct horse battery staple',
    `sk_live_${'s'.repeat(24)}`,
  );
  const secret = fc.oneof(secrets, fc.stringMatching(/^[!-~]{16,60}$/));
  const name = fc.constantFrom(
    'authorization',
    'Authorization',
    'apikey',
    'x-api-key',
    'x-api-secret',
    'stripe-signature',
    'elevenlabs-signature',
    'github-public-key-identifier',
    'github-public-key-signature',
    'cookie',
    'x-other',
  );
  const value = fc.tuple(fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', '', 't=1,v1='), secret);
  const path = fc.option(
    fc.tuple(
      fc.constantFrom(
        '/api/partner/v1/health',
        '/api/v1/calls/recordings/1',
        '/api/admin/v1/test/admins',
        '/functions/v1/integration-tickets/tickets',
        '/api/admin/v1/test/stripe',
        '/nowhere',
      ),
      fc.constantFrom('access_token', 'ticket', 'key'),
      secret,
    ),
    { nil: undefined },
  );
  const seed = Number(process.env.FC_SEED ?? Date.now() % 2 ** 31);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 4 }), path, async (pairs, address) => {
      const headers: Record<string, string> = {};
      for (const [key, [scheme, text]] of pairs) headers[key] = scheme + text;
      const target = address && `${address[0]}?${address[1]}=${encodeURIComponent(address[2])}`;
      const { status, body } = await ask({ headers, ...(target ? { path: target } : {}) });
      // The limit of the asker itself.
      if (status === 429) clock.advance(61);
      expect([200, 429]).toContain(status);
      const told = JSON.stringify(body);
      const given = [...pairs.map(([, [, each]]) => each), ...(address ? [address[2]] : [])];
      for (const each of given) {
        // The prefix is no secret: the answer says which ones are taken.
        const text = each.replace(/^pk_(sandbox|production)_/, '');
        for (let at = 0; at + SHOWN < text.length; at += 1) {
          const piece = text.slice(at, at + SHOWN + 1);
          expect(told.includes(piece), `${piece} is in the answer`).toBe(false);
        }
      }
    }),
    { numRuns: 150, seed },
  );
});
