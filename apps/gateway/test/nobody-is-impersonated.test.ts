import { createManualClock, generateKey } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createIdentityOwner, type IdentityOwner } from './support/identity.ts';
import { createApiKeyOwner, createTokenOwner } from './support/owners.ts';
import { sendRaw } from './support/send-raw.ts';

const ANON_KEY = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln';
const SECRET = 'whsec_test_of_this_file';
const clock = createManualClock();

let echo: Echo;
let identity: IdentityOwner;
let apiKeys: ReturnType<typeof createApiKeyOwner>;
let tokens: ReturnType<typeof createTokenOwner>;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
let gateway: TestGateway;

const PATHS = {
  user: '/api/admin/v1/test/user',
  anon: '/auth/v1/test/anon',
  api_key: '/api/v1/calls/test',
  integration_token: '/functions/v1/integration-tickets/test',
  provider: '/api/admin/v1/test/stripe',
  nothing: '/api/admin/v1/test/open',
} as const;

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  bus = await connectTestBus();
  identity = createIdentityOwner(bus, clock);
  apiKeys = createApiKeyOwner(bus);
  tokens = createTokenOwner(bus);
  gateway = await startGateway({
    clock,
    routes: [
      testRoute(PATHS.user, ['user']),
      testRoute(PATHS.anon, ['anon'], { surface: 'auth' }),
      testRoute(PATHS.api_key, ['api_key'], { surface: 'calls' }),
      testRoute(PATHS.integration_token, ['integration_token'], { surface: 'tickets' }),
      testRoute(PATHS.provider, ['provider'], { provider: 'stripe' }),
      testRoute(PATHS.nothing, []),
    ],
    env: { PARTNER_SERVICE_URL: echo.url, ANON_KEY, STRIPE_WEBHOOK_SECRET: SECRET },
  });
});
afterAll(async () => {
  await gateway.close();
  for (const owner of [identity, apiKeys, tokens]) await owner.leave();
  await bus.close();
  await echo.close();
});

/** Headers that a route takes, and which of them is the credential. */
const presented = (): Record<Exclude<keyof typeof PATHS, 'nothing'>, Record<string, string>> => ({
  user: { Authorization: `Bearer ${identity.signIn().token}` },
  anon: { apikey: ANON_KEY },
  api_key: headersOf(apiKeys.issue()),
  integration_token: { Authorization: `Bearer ${tokens.issue().token}` },
  provider: {
    'Stripe-Signature': new Stripe('sk_test_unused').webhooks.generateTestHeaderString({
      payload: '',
      secret: SECRET,
      timestamp: Math.floor(clock.now().getTime() / 1000),
    }),
  },
});
const headersOf = ({ key, secret }: { key: string; secret: string }) => ({
  'X-API-Key': key,
  'X-API-Secret': secret,
});

const linesOf = (path: string, headers: Record<string, string>, more: readonly string[] = []): string[] => [
  `GET ${path} HTTP/1.1`,
  'Host: gateway.example',
  'Connection: close',
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ...more,
];

describe('a credential header that comes twice is refused, in whatever spelling', () => {
  test.each(['user', 'anon', 'api_key', 'integration_token', 'provider'] as const)('%s', async (kind) => {
    const headers = presented()[kind];
    const path = PATHS[kind];
    expect(await sendRaw(gateway.port, linesOf(path, headers))).toMatch(/^HTTP\/1.1 200 /);
    for (const [name, value] of Object.entries(headers)) {
      const twice = [`${name.toLowerCase()}: ${value}`];
      expect(await sendRaw(gateway.port, linesOf(path, headers, twice))).toMatch(/^HTTP\/1.1 401 /);
    }
  });
});

test.each(['user', 'anon', 'api_key', 'integration_token', 'provider', 'nothing'] as const)(
  'whoever says who it is is not believed: %s',
  async (kind) => {
    const { nothing, ...others } = { nothing: {}, ...presented() };
    const headers = kind === 'nothing' ? nothing : others[kind];
    const claims = Buffer.from(JSON.stringify({ principal: { kind: 'anon' } })).toString('base64url');
    const forged = [
      `X-Internal-Token: x.${claims}.x`,
      `x-internal-TOKEN: x.${claims}.x`,
      'X-Principal: admin',
      'X-Principal-Role: super_admin',
      'X-Internal-Role: super_admin',
      'X-Forwarded-User: admin',
      'X-Forwarded-For: 10.0.0.1',
    ];
    const before = echo.seen.length;
    expect(await sendRaw(gateway.port, linesOf(PATHS[kind], headers, forged))).toMatch(/^HTTP\/1.1 200 /);
    const seen = echo.seen.slice(before);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.principal?.kind ?? 'nothing').toBe(kind);
    expect(JSON.stringify(seen[0]?.headers)).not.toMatch(/super_admin|10\.0\.0\.1|"admin"/);
  },
);

describe('line ends in what is sent', () => {
  const forgedLine = 'X-Internal-Token: forged';

  test.each([
    ['a bare LF in a header', (token: string) => `Authorization: Bearer ${token}\n${forgedLine}`],
    ['a bare CR in a header', (token: string) => `Authorization: Bearer ${token}\r${forgedLine}`],
    ['a folded header', (token: string) => `Authorization: Bearer ${token}\r\n ${forgedLine}`],
    ['NUL in a header', (token: string) => `Authorization: Bearer ${token}\0`],
  ])('%s never become a header of ours', async (_what, line) => {
    const before = echo.seen.length;
    const lines = [...linesOf(PATHS.user, {}), line(identity.signIn().token)];
    const answer = await sendRaw(gateway.port, lines);
    for (const { headers } of echo.seen.slice(before)) {
      expect(headers['x-internal-token']).not.toContain('forged');
    }
    expect(answer).toMatch(/^HTTP\/1.1 (400|401|200) /);
  });

  test('encoded ones in a query stay encoded, and in a ticket or token are refused', async () => {
    const { token } = identity.signIn();
    const path = `${PATHS.user}?a=%0d%0a${encodeURIComponent(forgedLine)}&access_token=x%0d%0ay`;
    const answer = await sendRaw(gateway.port, linesOf(path, { Authorization: `Bearer ${token}` }));
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(echo.seen.at(-1)?.url).toBe(`${PATHS.user}?a=%0d%0a${encodeURIComponent(forgedLine)}`);
    expect(echo.seen.at(-1)?.headers['x-internal-token']).not.toContain('forged');
  });
});

test('a token of one kind is no token of another, however it is sent', async () => {
  const token = generateKey('stk_');
  for (const kind of ['user', 'api_key', 'anon'] as const) {
    expect(await sendRaw(gateway.port, linesOf(PATHS[kind], { Authorization: `Bearer ${token}` }))).toMatch(
      /^HTTP\/1.1 401 /,
    );
  }
});
