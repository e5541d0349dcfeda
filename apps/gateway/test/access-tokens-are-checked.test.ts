import { createHmac, createSign, randomUUID } from 'node:crypto';
import { createManualClock } from '@switchboard/contracts';
import { resetNats, startNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import {
  bearer,
  createIdentityOwner,
  type IdentityOwner,
  ISSUER,
  makeSigningKey,
  rawToken,
  type SigningKey,
  sign,
} from './support/identity.ts';

let echo: Echo;
let identity: IdentityOwner;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
const clock = createManualClock();
const routes = [
  testRoute('/api/admin/v1/test/me', ['user']),
  testRoute('/api/admin/v1/test/admins', ['user'], { roles: ['admin', 'super_admin'] }),
  testRoute('/api/admin/v1/test/events', ['user'], { acceptsQueryToken: true }),
];
const ME = '/api/admin/v1/test/me';

const open = (env: Record<string, string> = {}, natsUrl?: string) =>
  startGateway({
    clock,
    routes,
    ...(natsUrl === undefined ? {} : { natsUrl }),
    env: { PARTNER_SERVICE_URL: echo.url, CREDENTIAL_REFUSALS_PER_MINUTE: '1000', ...env },
  });

const get = async (headers: Record<string, string>, path = ME, at = gateway) => {
  const response = await fetch(at.url + path, { headers });
  return { status: response.status, headers: response.headers, body: Object(await response.json()) };
};

const statusOf = async (token: string, path = ME, at = gateway) =>
  (await get(bearer(token), path, at)).status;

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  bus = await connectTestBus();
  identity = createIdentityOwner(bus, clock);
});
afterAll(async () => {
  await identity.leave();
  await bus.close();
  await echo.close();
});
beforeEach(async () => {
  gateway = await open();
});
afterEach(async () => {
  await gateway.close();
});

describe('a good token', () => {
  test('reaches the service, which knows who asks; role and e-mail are those of now, not of the token', async () => {
    const user = identity.signIn({ role: 'admin' });
    const { status, body } = await get(bearer(user.token));
    expect(status).toBe(200);
    expect(body.principal).toEqual({
      kind: 'user',
      user_id: user.userId,
      email: 'user@example.com',
      role: 'admin',
      business_id: null,
      session_id: user.sessionId,
      origin: 'local',
    });
    expect(JSON.stringify(body)).not.toContain(user.token);
    expect(identity.asked.at(-1)).toMatchObject({ origin: 'local', session_id: user.sessionId });
  });

  test('is asked about once within the cache time, and again after it', async () => {
    const user = identity.signIn();
    const before = identity.asked.length;
    for (let i = 0; i < 3; i += 1) expect(await statusOf(user.token)).toBe(200);
    expect(identity.asked.length).toBe(before + 1);
    clock.advance(16);
    expect(await statusOf(user.token)).toBe(200);
    expect(identity.asked.length).toBe(before + 2);
  });

  test('ends when it says, although it is cached', async () => {
    const user = identity.signIn({ lifeSeconds: 4 });
    expect(await statusOf(user.token)).toBe(200);
    clock.advance(8);
    expect(await statusOf(user.token)).toBe(200);
    clock.advance(1);
    expect(await statusOf(user.token)).toBe(401);
  });

  test('a role that lacks is named, and a demoted administrator is one no more', async () => {
    const user = identity.signIn({ role: 'super_admin' });
    const admins = '/api/admin/v1/test/admins';
    expect(await statusOf(user.token, admins)).toBe(200);
    await identity.changeRole(user, 'agent');
    await waitFor(async () => (await statusOf(user.token, admins)) === 403, { what: 'the demotion' });
    expect(await get(bearer(user.token), admins)).toMatchObject({
      body: { code: 'INSUFFICIENT_ROLE', accepted: ['admin', 'super_admin'] },
    });
  });
});

describe('a session that is over', () => {
  test.each([
    ['this session', false],
    ['all of the user', true],
  ])('ends the token on every replica at once: %s', async (_what, everywhere) => {
    const second = await open();
    const user = identity.signIn();
    const other = identity.signIn();
    for (const at of [gateway, second]) {
      expect(await statusOf(user.token, ME, at)).toBe(200);
      expect(await statusOf(other.token, ME, at)).toBe(200);
    }
    const before = identity.asked.length;
    await identity.end(user, { everywhere });
    for (const at of [gateway, second]) {
      await waitFor(async () => (await statusOf(user.token, ME, at)) === 401, {
        what: 'the end',
      });
    }
    // Nobody else's token was forgotten.
    const asked = identity.asked.slice(before).map(({ user_id }) => user_id);
    for (const at of [gateway, second]) expect(await statusOf(other.token, ME, at)).toBe(200);
    expect(asked).not.toContain(other.userId);
    await second.close();
  });

  test('ends it without the event too, after the cache time', async () => {
    const user = identity.signIn();
    expect(await statusOf(user.token)).toBe(200);
    await identity.end(user, { quietly: true });
    expect(await statusOf(user.token)).toBe(200);
    clock.advance(16);
    expect(await statusOf(user.token)).toBe(401);
  });

  test('while nobody can be asked a token is good for the stale time, and no longer', async () => {
    const nats = await startNats();
    const ownBus = await connectTestBus(nats.url);
    const owner = createIdentityOwner(ownBus, clock);
    const apart = await open({ UPSTREAM_WAIT_SECONDS: '0' }, nats.url);
    const user = owner.signIn();
    expect(await statusOf(user.token, ME, apart)).toBe(200);
    await owner.leave();
    await ownBus.close();
    await nats.stop();
    clock.advance(74);
    expect(await statusOf(user.token, ME, apart)).toBe(200);
    clock.advance(2);
    const away = await get(bearer(user.token), ME, apart);
    expect(away).toMatchObject({ status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
    expect(away.headers.get('retry-after')).toBe('5');
    await apart.close();
  });
});

describe('signing keys', () => {
  test('a new key works with its first token, whether or not its event came', async () => {
    expect(await statusOf(identity.signIn().token)).toBe(200);
    const key = makeSigningKey('k2');
    identity.keys.push(key);
    // The keys were read a moment ago.
    expect(await statusOf(identity.signIn({ key }).token)).toBe(200);
    const later = makeSigningKey('k2-later');
    identity.keys.push(later);
    clock.advance(4);
    expect(await statusOf(identity.signIn({ key: later }).token)).toBe(200);
  });

  test('made up key ids do not become a loop of questions', async () => {
    const user = identity.signIn();
    expect(await statusOf(user.token)).toBe(200);
    clock.advance(4);
    const before = identity.keyQuestions;
    const stranger = makeSigningKey('mine');
    const tokens = Array.from({ length: 20 }, (_, i) => sign(user.claims, stranger, { kid: `made-up-${i}` }));
    const begunMs = performance.now();
    const statuses = await Promise.all(tokens.map((token) => statusOf(token)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    // One at once, and one after each pause of a second for all that came meanwhile.
    const pauses = Math.ceil((performance.now() - begunMs) / 1000);
    expect(identity.keyQuestions).toBeLessThanOrEqual(before + 1 + pauses);
  });

  test('a revoked key ends its tokens at once, even those that are cached', async () => {
    const key = makeSigningKey('k3');
    identity.keys.push(key);
    clock.advance(4);
    const user = identity.signIn({ key });
    const other = identity.signIn();
    expect(await statusOf(user.token)).toBe(200);
    expect(await statusOf(other.token)).toBe(200);
    identity.keys.pop();
    await identity.tellOfKey('k3', 'revoked');
    await waitFor(async () => (await statusOf(user.token)) === 401, { what: 'the end of the key' });
    expect(await statusOf(other.token)).toBe(200);
  });
});

describe('in a query', () => {
  const EVENTS = '/api/admin/v1/test/events';

  test('is taken where the route says so, and goes no further', async () => {
    const { token, userId } = identity.signIn();
    const answer = await get({}, `${EVENTS}?since=5&access_token=${token}&x=1`);
    expect(answer).toMatchObject({
      status: 200,
      body: { url: `${EVENTS}?since=5&x=1`, principal: { user_id: userId } },
    });
    const spelled = await get({}, `${EVENTS}?%61ccess_token=${token}`);
    expect(spelled).toMatchObject({ status: 200, body: { url: EVENTS } });
    expect(JSON.stringify(echo.seen)).not.toContain(token);
  });

  test('is nothing elsewhere, and goes no further there either', async () => {
    const { token } = identity.signIn();
    expect((await get({}, `${ME}?access_token=${token}`)).status).toBe(401);
    await get(bearer(token), `${ME}?access_token=${token}&a=1`);
    expect(echo.seen.at(-1)?.url).toBe(`${ME}?a=1`);
  });

  test('two tokens are one too many', async () => {
    const { token } = identity.signIn();
    expect((await get(bearer(token), `${EVENTS}?access_token=${token}`)).status).toBe(401);
    expect((await get({}, `${EVENTS}?access_token=${token}&access_token=${token}`)).status).toBe(401);
  });
});

describe('hostile tokens', () => {
  const pem = ({ publicKey }: SigningKey) => publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const hmac = (header: unknown, claims: unknown, secret: string) => {
    const unsigned = rawToken(header, claims).slice(0, -1);
    return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
  };
  const rsa = (header: unknown, claims: unknown, key: SigningKey) => {
    const unsigned = rawToken(header, claims).slice(0, -1);
    return `${unsigned}.${createSign('sha256').update(unsigned).sign(key.privateKey, 'base64url')}`;
  };

  test('are all refused, and all refusals look the same', async () => {
    const user = identity.signIn({ role: 'super_admin' });
    const { claims } = user;
    const [key = makeSigningKey('never')] = identity.keys;
    expect(await statusOf(user.token)).toBe(200);
    const [header = '', payload = '', signature = ''] = user.token.split('.');
    const now = Math.floor(clock.now().getTime() / 1000);
    const mine = makeSigningKey('k1');
    const cases: Record<string, string> = {
      'alg none': rawToken({ alg: 'none', kid: 'k1' }, claims),
      'alg none with a signature': rawToken({ alg: 'none', kid: 'k1' }, claims, signature),
      'alg None': rawToken({ alg: 'None' }, claims),
      'no alg': rawToken({ kid: 'k1' }, claims, signature),
      'HS256 with the public key as PEM': hmac({ alg: 'HS256', kid: 'k1' }, claims, pem(key)),
      'HS256 with the public key as PEM, trimmed': hmac({ alg: 'HS256', kid: 'k1' }, claims, pem(key).trim()),
      'HS256 with the public key as JWK': hmac({ alg: 'HS256', kid: 'k1' }, claims, JSON.stringify(key.jwk)),
      'HS256 with nothing': hmac({ alg: 'HS256', kid: 'k1' }, claims, ''),
      'RS384 of the right key': rawToken({ alg: 'RS384', kid: 'k1' }, claims, signature),
      'ES256 that is none': rawToken({ alg: 'ES256', kid: 'k1' }, claims, signature),
      'another key': sign(claims, mine),
      'another key, and where to find it': sign(claims, mine, {
        jwk: mine.jwk,
        jku: 'http://127.0.0.1:1/jwks.json',
        x5u: 'http://127.0.0.1:1/x5u.pem',
      }),
      'no kid': rsa({ alg: 'RS256' }, claims, key),
      'kid of nobody': sign(claims, key, { kid: 'k9' }),
      'kid that is a path': sign(claims, key, { kid: '../../../../dev/null' }),
      'kid that is a query': sign(claims, key, { kid: "k1' OR '1'='1" }),
      'kid that is a number': rsa({ alg: 'RS256', kid: 1 }, claims, key),
      'kid that is a list': rsa({ alg: 'RS256', kid: ['k1'] }, claims, key),
      'kid that is inherited': sign(claims, key, { kid: '__proto__' }),
      'kid that is long': sign(claims, key, { kid: 'k'.repeat(1000) }),
      'a header that says there is more to understand': rsa(
        { alg: 'RS256', kid: 'k1', crit: ['exp'] },
        claims,
        key,
      ),
      'alg twice': rsa('{"alg":"RS256","kid":"k1","alg":"none"}', claims, key),
      'other issuer': sign({ ...claims, iss: 'https://evil.example/auth/v1' }, key),
      'no issuer': sign({ ...claims, iss: undefined }, key),
      'issuer that is a list': rsa({ alg: 'RS256', kid: 'k1' }, { ...claims, iss: [ISSUER] }, key),
      'other audience': sign({ ...claims, aud: 'somewhere-else' }, key),
      'no audience': sign({ ...claims, aud: undefined }, key),
      expired: sign({ ...claims, exp: now - 6 }, key),
      'without an end': sign({ ...claims, exp: undefined }, key),
      'not yet valid': sign({ ...claims, nbf: now + 6 }, key),
      'issued in the future': sign({ ...claims, iat: now + 6 }, key),
      'end that is a word': rsa({ alg: 'RS256', kid: 'k1' }, { ...claims, exp: 'never' }, key),
      'no session': sign({ ...claims, session_id: undefined }, key),
      'no user': sign({ ...claims, sub: undefined }, key),
      'user that is a query': sign({ ...claims, sub: "' OR 1=1 --" }, key),
      'user of nobody': sign({ ...claims, sub: randomUUID() }, key),
      'claims changed': `${header}.${rawToken({}, { ...claims, sub: randomUUID() }).split('.')[1]}.${signature}`,
      'signature cut': `${header}.${payload}.${signature.slice(0, -4)}`,
      'no signature': `${header}.${payload}.`,
      'four parts': `${user.token}.x`,
      'two parts': `${header}.${payload}`,
      'claims that are no object': rsa({ alg: 'RS256', kid: 'k1' }, '"me"', key),
      'claims that are null': rsa({ alg: 'RS256', kid: 'k1' }, 'null', key),
      'no JSON': `eyJub25l.${payload}.${signature}`,
      'no base64': 'eyJ$.e.x',
      huge: sign({ ...claims, more: 'x'.repeat(7_000) }, key),
      'a word': 'let-me-in',
    };
    const seen = new Map<string, string[]>();
    for (const [what, token] of Object.entries(cases)) {
      const { status, body } = await get(bearer(token));
      const answer = JSON.stringify([status, body]);
      seen.set(answer, [...(seen.get(answer) ?? []), what]);
    }
    expect([...seen.keys()], JSON.stringify([...seen.values()])).toHaveLength(1);
    expect([...seen.keys()][0]).toContain('INVALID_CREDENTIAL');
  });

  test('clocks may differ by five seconds, and what is said twice is read once', async () => {
    const now = Math.floor(clock.now().getTime() / 1000);
    for (const claims of [{ exp: now - 4 }, { nbf: now + 5 }, { iat: now + 5 }]) {
      expect(await statusOf(identity.signIn({ claims }).token)).toBe(200);
    }
    // The signature is over both: whoever could write one could write the other. The last counts, for every reader.
    const user = identity.signIn();
    const [key = makeSigningKey('never')] = identity.keys;
    const twice = JSON.stringify(user.claims).replace('{', `{"sub":"${randomUUID()}",`);
    expect((await get(bearer(rsa({ alg: 'RS256', kid: 'k1' }, twice, key)))).body.principal.user_id).toBe(
      user.userId,
    );
  });

  test('after 30 refusals in a minute an address waits, but a token known good still passes', async () => {
    await gateway.close();
    gateway = await open({ CREDENTIAL_REFUSALS_PER_MINUTE: '30' });
    const user = identity.signIn();
    const stranger = makeSigningKey('k1');
    expect(await statusOf(user.token)).toBe(200);
    const forged = (i: number) => sign({ ...user.claims, jti: String(i) }, stranger);
    for (let i = 0; i < 30; i += 1) expect(await statusOf(forged(i))).toBe(401);
    const blocked = await get(bearer(forged(30)));
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await statusOf(identity.signIn().token)).toBe(429);
    expect(await statusOf(user.token)).toBe(200);
  });

  test.each([
    ['a partner key', { authorization: 'Bearer pk_sandbox_x', 'x-api-secret': 'sk_x' }],
    ['an integration token', { authorization: 'Bearer stk_x' }],
    ['an API key', { 'x-api-key': 'ak_x', 'x-api-secret': 'as_x' }],
    ['Basic', { authorization: 'Basic YTpi' }],
  ])(
    '%s is of another kind, and the answer says what to send',
    async (_what, headers: Record<string, string>) => {
      expect(await get(headers)).toMatchObject({
        status: 401,
        body: {
          code: 'WRONG_CREDENTIAL_KIND',
          detail: expect.stringMatching(/Authorization: Bearer <access token/),
        },
      });
    },
  );
});
