import { createManualClock, generateKey, keyPrefixes } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { bearer, createIdentityOwner, type IdentityOwner, rawToken } from './support/identity.ts';
import { createApiKeyOwner, createTicketOwner, createTokenOwner } from './support/owners.ts';

const ANON_KEY = rawToken({ alg: 'HS256', typ: 'JWT' }, { role: 'anon', iss: 'switchboard' }, 'c2ln');
const ENVIRONMENT_KEY = 'calls-guide-key';
type HeadersInit = NonNullable<RequestInit['headers']>;

const clock = createManualClock();
const TICKETS = '/functions/v1/integration-tickets';

let echo: Echo;
let identity: IdentityOwner;
let apiKeys: ReturnType<typeof createApiKeyOwner>;
let tokens: ReturnType<typeof createTokenOwner>;
let tickets: ReturnType<typeof createTicketOwner>;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let gateway: TestGateway;
let replica: TestGateway;

const routes = [
  testRoute('/auth/v1/test/anybody', ['anon', 'user'], { surface: 'auth' }),
  testRoute('/auth/v1/test/anon', ['anon'], { surface: 'auth' }),
  testRoute('/auth/v1/test/user', ['user'], { surface: 'auth' }),
  testRoute('/api/v1/calls/test', ['api_key'], { surface: 'calls', limitGroup: 'calls' }),
  testRoute('/api/v1/calls/recordings/:id', ['api_key', 'ticket'], { surface: 'calls' }),
  testRoute(TICKETS, ['integration_token'], { surface: 'tickets', limitGroup: 'tickets' }),
  testRoute(`${TICKETS}/tickets`, ['integration_token'], { surface: 'tickets', method: 'POST' }),
  testRoute(`${TICKETS}/tickets/:id`, ['integration_token'], { surface: 'tickets' }),
];

const open = () =>
  startGateway({
    clock,
    routes,
    env: {
      PARTNER_SERVICE_URL: echo.url,
      CREDENTIAL_REFUSALS_PER_MINUTE: '10000',
      ANON_KEY,
      API_KEY: ENVIRONMENT_KEY,
    },
  });

const call = async (path: string, headers: HeadersInit, at = gateway, method = 'GET') => {
  const response = await fetch(at.url + path, { headers, method });
  return { status: response.status, headers: response.headers, body: Object(await response.json()) };
};

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  bus = await connectTestBus();
  identity = createIdentityOwner(bus, clock);
  apiKeys = createApiKeyOwner(bus);
  tokens = createTokenOwner(bus);
  tickets = createTicketOwner(bus);
  gateway = await open();
  replica = await open();
});
afterAll(async () => {
  await gateway.close();
  await replica.close();
  for (const owner of [identity, apiKeys, tokens, tickets]) await owner.leave();
  await bus.close();
  await echo.close();
});

describe('a program that nobody has signed in to', () => {
  const apikey = { apikey: ANON_KEY };

  test.each<[string, Record<string, string>]>([
    ['apikey alone', apikey],
    ['Bearer alone', bearer(ANON_KEY)],
    ['both, as supabase-js does', { ...apikey, ...bearer(ANON_KEY) }],
  ])('is anonymous: %s', async (_what, headers) => {
    expect(await call('/auth/v1/test/anybody', headers)).toMatchObject({
      status: 200,
      body: { principal: { kind: 'anon' } },
    });
    expect(await call('/auth/v1/test/user', headers)).toMatchObject({
      status: 401,
      body: { error_code: 'no_authorization' },
    });
  });

  test('is a user once somebody signed in, where users are taken', async () => {
    const user = identity.signIn();
    const headers = { ...apikey, ...bearer(user.token) };
    expect((await call('/auth/v1/test/anybody', headers)).body.principal).toMatchObject({
      kind: 'user',
      user_id: user.userId,
    });
    expect((await call('/auth/v1/test/anon', headers)).body.principal).toEqual({ kind: 'anon' });
    const forged = { ...apikey, ...bearer(`${user.token.slice(0, -8)}AAAAAAAA`) };
    expect((await call('/auth/v1/test/anybody', forged)).status).toBe(401);
  });

  test.each<[string, HeadersInit]>([
    ['another key', { apikey: `${ANON_KEY.slice(0, -1)}x` }],
    ['a good apikey with a Bearer of another kind', { ...apikey, authorization: 'Bearer pk_sandbox_x' }],
    ['a good Bearer with another apikey', { apikey: 'sb_publishable_x', ...bearer(ANON_KEY) }],
    ['an empty key', { apikey: '' }],
  ])('%s is refused', async (_what, headers) => {
    expect((await call('/auth/v1/test/anon', headers)).status).toBe(401);
  });

  test('nobody is locked out for a wrong anon key: there is nothing to guess', async () => {
    const strict = await startGateway({
      clock,
      routes,
      env: { PARTNER_SERVICE_URL: echo.url, CREDENTIAL_REFUSALS_PER_MINUTE: '2', ANON_KEY },
    });
    for (let i = 0; i < 4; i += 1) {
      expect((await call('/auth/v1/test/anon', { apikey: `wrong-${i}` }, strict)).status).toBe(401);
    }
    expect((await call('/auth/v1/test/anon', apikey, strict)).status).toBe(200);
    await strict.close();
  });

  test('without a configured key nobody is anonymous', async () => {
    const without = await startGateway({ clock, routes, env: { PARTNER_SERVICE_URL: echo.url } });
    expect((await call('/auth/v1/test/anon', { apikey: 'undefined' }, without)).status).toBe(401);
    await without.close();
  });
});

describe('an API key pair', () => {
  const PATH = '/api/v1/calls/test';

  test('reaches the service, is asked about once, and has its own limit', async () => {
    const pair = apiKeys.issue();
    const before = apiKeys.questions;
    const answer = await call(PATH, pair.headers);
    expect(answer).toMatchObject({
      status: 200,
      body: { principal: { kind: 'api_key', key_id: pair.keyId } },
    });
    expect(answer.headers.get('x-ratelimit-limit')).toBe('100');
    await call(PATH, pair.headers);
    expect(apiKeys.questions).toBe(before + 1);
  });

  test('of the environment may be of any form', async () => {
    const pair = apiKeys.issue({ key: ENVIRONMENT_KEY, secret: 'short' });
    expect((await call(PATH, pair.headers)).status).toBe(200);
    const before = apiKeys.questions;
    expect((await call(PATH, { ...pair.headers, 'x-api-key': 'another-key' })).status).toBe(401);
    expect(apiKeys.questions).toBe(before);
  });

  test('is refused on every replica at once when it is revoked', async () => {
    const pair = apiKeys.issue();
    for (const at of [gateway, replica]) expect((await call(PATH, pair.headers, at)).status).toBe(200);
    await apiKeys.revoke(pair);
    for (const at of [gateway, replica]) {
      await waitFor(async () => (await call(PATH, pair.headers, at)).status === 401, {
        what: 'the refusal',
      });
    }
  });

  test('is refused at the end of its validity and outside its addresses', async () => {
    const validUntil = new Date(clock.now().getTime() + 5_000).toISOString();
    const pair = apiKeys.issue({ validUntil });
    expect((await call(PATH, pair.headers)).status).toBe(200);
    clock.advance(5);
    expect((await call(PATH, pair.headers)).status).toBe(401);
    const elsewhere = apiKeys.issue({ allowedIps: ['10.0.0.0/8'] });
    expect(await call(PATH, elsewhere.headers)).toMatchObject({
      status: 403,
      body: { error: { code: 'IP_NOT_ALLOWED' } },
    });
  });

  test('unknown and mistyped look the same, and what is mistyped is asked about by nobody', async () => {
    const pair = apiKeys.issue();
    const before = apiKeys.questions;
    const cases: HeadersInit[] = [
      { ...pair.headers, 'x-api-key': `${pair.key}x` },
      { ...pair.headers, 'x-api-secret': `${pair.secret}x` },
      { ...pair.headers, 'x-api-key': generateKey(keyPrefixes.partnerSandbox) },
    ];
    const answers = new Set<string>();
    for (const headers of cases) {
      const { status, body } = await call(PATH, headers);
      answers.add(JSON.stringify([status, body]));
    }
    expect(apiKeys.questions).toBe(before);
    const { status, body } = await call(PATH, { ...pair.headers, 'x-api-key': generateKey('ak_') });
    answers.add(JSON.stringify([status, body]));
    expect(apiKeys.questions).toBe(before + 1);
    expect([...answers]).toHaveLength(1);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['nothing', {}, /X-API-Key: ak_/],
    ['a key alone', { 'x-api-key': 'ak_x' }, /X-API-Secret is missing/],
    ['a secret alone', { 'x-api-secret': 'as_x' }, /X-API-Key is missing/],
    ['a partner pair', { authorization: 'Bearer pk_sandbox_x', 'x-api-secret': 'sk_x' }, /another kind.*ak_/],
  ])('%s: 401 with words that say what to send', async (_what, headers, words) => {
    const { status, body } = await call(PATH, headers);
    expect(status).toBe(401);
    expect(body.error.message).toMatch(words);
  });
});

describe('an integration token', () => {
  test('reaches the service', async () => {
    const token = tokens.issue();
    const answer = await call(TICKETS, token.headers);
    expect(answer).toMatchObject({
      status: 200,
      body: { principal: { kind: 'integration_token', token_id: token.tokenId } },
    });
    expect(answer.headers.get('x-ratelimit-limit')).toBe('1000');
  });

  test.each<[string, Record<string, string>, string]>([
    ['the test token of the guide', bearer('test-token'), 'invalid_token'],
    ['a token that does not exist', bearer(generateKey('stk_')), 'invalid_token'],
    ['a token with a wrong checksum', bearer(`stk_${'0'.repeat(36)}`), 'invalid_token'],
    ['nothing', {}, 'missing_token'],
    ['a JWT', bearer('eyJhbGciOiJIUzI1NiJ9.e30.x'), 'wrong_credential_kind'],
    ['a partner key', bearer('pk_sandbox_x'), 'wrong_credential_kind'],
    ['the anon key', bearer(ANON_KEY), 'wrong_credential_kind'],
  ])('%s: 401', async (_what, headers, error) => {
    expect(await call(TICKETS, headers)).toMatchObject({ status: 401, body: { error } });
  });

  test('does only what its patterns allow', async () => {
    const reader = tokens.issue({ allowedEndpoints: ['GET /tickets/*'] });
    expect((await call(`${TICKETS}/tickets/1`, reader.headers)).status).toBe(200);
    expect(await call(`${TICKETS}/tickets`, reader.headers, gateway, 'POST')).toMatchObject({
      status: 403,
      body: { error: 'endpoint_not_allowed' },
    });
    expect((await call(TICKETS, reader.headers)).status).toBe(403);
    const writer = tokens.issue({ allowedEndpoints: ['POST /tickets'] });
    expect((await call(`${TICKETS}/tickets`, writer.headers, gateway, 'POST')).status).toBe(200);
    expect((await call(`${TICKETS}/tickets/1`, writer.headers)).status).toBe(403);
  });

  test('is refused on every replica at once when it is revoked', async () => {
    const token = tokens.issue();
    for (const at of [gateway, replica]) expect((await call(TICKETS, token.headers, at)).status).toBe(200);
    await tokens.revoke(token);
    for (const at of [gateway, replica]) {
      await waitFor(async () => (await call(TICKETS, token.headers, at)).status === 401, {
        what: 'the refusal',
      });
    }
  });
});

describe('a ticket', () => {
  const path = '/api/v1/calls/recordings/r-1';

  test('opens one connection, and goes no further', async () => {
    const ticket = tickets.issue(path);
    const answer = await call(`${path}?part=2&ticket=${ticket}`, {});
    expect(answer).toMatchObject({
      status: 200,
      body: { url: `${path}?part=2`, principal: { kind: 'ticket', resource: { id: 'r-1' } } },
    });
    expect((await call(`${path}?ticket=${ticket}`, {})).status).toBe(401);
    const spelled = tickets.issue(path);
    expect((await call(`${path}?%74icket=${spelled}`, {})).body.url).toBe(path);
    expect(JSON.stringify(echo.seen)).not.toMatch(/tk_/);
  });

  test('of another resource, mistyped or twice is refused; mistyped ones are asked about by nobody', async () => {
    const ticket = tickets.issue(path);
    expect((await call(`/api/v1/calls/recordings/r-2?ticket=${ticket}`, {})).status).toBe(401);
    const before = tickets.questions;
    for (const query of [`ticket=${ticket}x`, 'ticket=', `ticket=${ticket}&ticket=${ticket}`]) {
      expect((await call(`${path}?${query}`, {})).status).toBe(401);
    }
    expect(tickets.questions).toBe(before);
  });

  test('a pair beside it wins, and does not spend it', async () => {
    const ticket = tickets.issue(path);
    const pair = apiKeys.issue();
    expect((await call(`${path}?ticket=${ticket}`, pair.headers)).body).toMatchObject({
      url: path,
      principal: { kind: 'api_key' },
    });
    expect((await call(`${path}?ticket=${ticket}`, {})).status).toBe(200);
  });
});

describe('what never goes inward', () => {
  test('headers of any credential, whichever the route takes; cookies but to the pages of the sign-in', async () => {
    const user = identity.signIn();
    const secrets = {
      apikey: 'secret-1',
      'x-api-key': 'secret-2',
      'x-api-secret': 'secret-3',
      'stripe-signature': 'secret-4',
      'elevenlabs-signature': 'secret-5',
      'github-public-key-identifier': 'secret-6',
      'github-public-key-signature': 'secret-7',
      cookie: 'secret=8',
    };
    const answer = await call('/auth/v1/test/user', {
      ...secrets,
      ...bearer(user.token),
      'x-other': 'stays',
    });
    expect(answer.body.headers).toMatchObject({ 'x-other': 'stays' });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  test('cookies pass on the pages of the sign-in, both ways', async () => {
    const pages = await startGateway({
      clock,
      routes: [testRoute('/device', []), testRoute('/devices', []), testRoute('/device/code', [])],
      env: { PARTNER_SERVICE_URL: echo.url },
    });
    for (const page of ['/device', '/device/code']) {
      const answer = await call(page, { cookie: 'a=1' }, pages);
      expect(answer.body.headers.cookie).toBe('a=1');
      expect(answer.headers.get('set-cookie')).toBe('a=1');
    }
    const other = await call('/devices', { cookie: 'a=1' }, pages);
    expect(other.body.headers.cookie).toBeUndefined();
    expect(other.headers.get('set-cookie')).toBeNull();
    await pages.close();
  });
});
