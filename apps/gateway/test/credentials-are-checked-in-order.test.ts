import { createManualClock, keyPrefixes } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectTestBus, startGateway, type TestGateway } from './support/gateway.ts';
import { createKeyOwner, headersOf, type KeyOwner, makeKey } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let gateway: TestGateway;
let bus: Awaited<ReturnType<typeof connectTestBus>>;
const clock = createManualClock();

const open = (env: Record<string, string> = {}) =>
  startGateway({
    clock,
    env: { PARTNER_SERVICE_URL: service.url, CREDENTIAL_REFUSALS_PER_MINUTE: '1000', ...env },
  });

const get = async (headers: Record<string, string>, path = '/api/partner/v1/health', at = gateway) => {
  const response = await fetch(at.url + path, { headers });
  return { status: response.status, headers: response.headers, body: Object(await response.json()) };
};

beforeAll(async () => {
  await resetNats();
  service = await startPartnerService({ clock });
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
});
afterAll(async () => {
  await owner.leave();
  await bus.close();
  await service.close();
});
beforeEach(async () => {
  gateway = await open();
});
afterEach(async () => {
  await gateway.close();
});

describe('a good pair', () => {
  test('reaches the service, which knows who asks', async () => {
    const pair = owner.issue();
    const answer = await get(pair.headers);
    expect(answer).toMatchObject({
      status: 200,
      body: { environment: 'sandbox', partner_name: 'Test Partner' },
    });
    expect(answer.headers.get('x-api-version')).toBe('v1');
  });

  test('is asked about once however many requests come at a time, and again after the cache time', async () => {
    const pair = owner.issue();
    const before = owner.questions;
    const letGo = owner.holdAnswers();
    const many = Array.from({ length: 20 }, () => get(pair.headers));
    await waitFor(() => owner.questions > before, { what: 'the question' });
    letGo();
    expect((await Promise.all(many)).every(({ status }) => status === 200)).toBe(true);
    expect(owner.questions).toBe(before + 1);
    clock.advance(14);
    await get(pair.headers);
    expect(owner.questions).toBe(before + 1);
    clock.advance(2);
    await get(pair.headers);
    expect(owner.questions).toBe(before + 2);
  });

  test('is refused at the end of its validity although it is cached', async () => {
    const validUntil = new Date(clock.now().getTime() + 5_000).toISOString();
    const pair = owner.issue({ validUntil });
    expect((await get(pair.headers)).status).toBe(200);
    await owner.refuse(pair, 'expired', { quietly: true });
    clock.advance(5);
    expect((await get(pair.headers)).status).toBe(401);
  });

  test('is refused on every replica at once when it is revoked', async () => {
    const second = await open();
    const pair = owner.issue();
    expect((await get(pair.headers)).status).toBe(200);
    expect((await get(pair.headers, undefined, second)).status).toBe(200);
    await owner.refuse(pair, 'disabled');
    for (const at of [gateway, second]) {
      await waitFor(async () => (await get(pair.headers, undefined, at)).status === 401, {
        what: 'the refusal',
      });
    }
    await second.close();
  });
});

describe('a refused pair', () => {
  test('unknown, disabled, expired, wrong, malformed, of another environment: all look the same', async () => {
    const good = owner.issue();
    const disabled = owner.issue();
    await owner.refuse(disabled, 'disabled', { quietly: true });
    const expired = owner.issue();
    await owner.refuse(expired, 'expired', { quietly: true });
    const mixedUp = owner.issue({ environment: 'sandbox', rowEnvironment: 'production' });
    const otherSecret = makeKey(keyPrefixes.partnerSecret);
    const cases = [
      disabled.headers,
      expired.headers,
      mixedUp.headers,
      headersOf(makeKey(keyPrefixes.partnerSandbox), otherSecret),
      headersOf(makeKey(keyPrefixes.partnerProduction), otherSecret),
      headersOf(good.key, otherSecret),
      headersOf(good.key, `${good.secret.slice(0, -1)}!`),
      headersOf(`${good.key.slice(0, -1)}${good.key.endsWith('a') ? 'b' : 'a'}`, good.secret),
      headersOf('pk_sandbox_short', good.secret),
      headersOf(`pk_sandbox_${'x'.repeat(4000)}`, good.secret),
      headersOf(good.key, 'sk_short'),
    ];
    const seen = new Set<string>();
    for (const headers of cases) {
      const { status, body, headers: answered } = await get(headers);
      const { timestamp: _, ...error } = body.error;
      const told = [...answered].filter(
        ([name]) => !['x-request-id', 'date'].includes(name) && !/ratelimit/.test(name),
      );
      seen.add(JSON.stringify([status, error, told.toSorted()]));
    }
    expect([...seen]).toHaveLength(1);
    expect([...seen][0]).toContain('UNAUTHORIZED');
  });

  test('a key that is malformed is refused before anybody is asked', async () => {
    const before = owner.questions;
    await get(headersOf('pk_sandbox_0123456789012345678901234567890123456789', makeKey('sk_')));
    await get(headersOf(makeKey('pk_sandbox_'), 'sk_0123456789'));
    expect(owner.questions).toBe(before);
  });

  test('an unknown pair in a loop does not become a loop of questions, and works once it exists', async () => {
    const headers = headersOf(makeKey('pk_sandbox_'), makeKey('sk_'));
    const before = owner.questions;
    for (let i = 0; i < 5; i += 1) expect((await get(headers)).status).toBe(401);
    expect(owner.questions).toBe(before + 1);
  });

  test.each([
    ['nothing', {}, 'UNAUTHORIZED'],
    ['a JWT', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, 'WRONG_CREDENTIAL_KIND'],
    ['an integration token', { authorization: 'Bearer stk_abc' }, 'WRONG_CREDENTIAL_KIND'],
    ['an API key pair', { 'x-api-key': 'ak_1', 'x-api-secret': 'sk_1' }, 'WRONG_CREDENTIAL_KIND'],
    ['Basic', { authorization: 'Basic YTpi' }, 'WRONG_CREDENTIAL_KIND'],
    ['an anon key', { apikey: 'eyJ' }, 'WRONG_CREDENTIAL_KIND'],
    ['a key without its secret', { authorization: `Bearer ${makeKey('pk_sandbox_')}` }, 'UNAUTHORIZED'],
    ['a secret without its key', { 'x-api-secret': makeKey('sk_') }, 'UNAUTHORIZED'],
  ])('%s: 401 with words that say what to send', async (_what, headers: Record<string, string>, code) => {
    const answer = await get(headers);
    expect(answer).toMatchObject({ status: 401, body: { error: { code } } });
    expect(answer.body.error.message).toMatch(/Authorization: Bearer pk_sandbox_.*X-API-Secret: sk_/);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  test('after 30 refusals in a minute an address waits, but a pair known good still passes', async () => {
    await gateway.close();
    gateway = await open({ CREDENTIAL_REFUSALS_PER_MINUTE: '30' });
    const pair = owner.issue();
    const fresh = owner.issue();
    expect((await get(pair.headers)).status).toBe(200);
    // Longer ago than any verdict is good without asking.
    clock.advance(3_600);
    for (let i = 0; i < 30; i += 1) {
      const answer = await get(headersOf(makeKey('pk_sandbox_'), makeKey('sk_')));
      expect(answer.status).toBe(401);
    }
    const blocked = await get(headersOf(makeKey('pk_sandbox_'), makeKey('sk_')));
    expect(blocked).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMIT_EXCEEDED' } } });
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get(fresh.headers)).status).toBe(429);
    expect((await get(pair.headers)).status).toBe(200);
    clock.advance(60);
    expect((await get(fresh.headers)).status).toBe(200);
  });
});

describe('what a pair may do', () => {
  test('a permission that lacks is named', async () => {
    const pair = owner.issue({ permissions: ['jobs.read'] });
    expect(await get(pair.headers, '/api/partner/v1/companies')).toMatchObject({
      status: 403,
      body: { error: { code: 'INSUFFICIENT_PERMISSIONS', details: { required: 'companies.read' } } },
    });
    expect((await get(pair.headers)).status).toBe(200);
  });

  test('an address outside the list is refused, and its request does not count', async () => {
    const pair = owner.issue({ allowedIps: ['10.0.0.0/8', '2001:db8::/32'], limitPerMinute: 5 });
    const answer = await get(pair.headers);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'IP_NOT_ALLOWED' } } });
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('5');
  });

  test('the switched off API answers 503 before it looks at any credential', async () => {
    const off = await open({ PARTNER_API_ENABLED: 'false' });
    // Whichever service answers there.
    for (const path of ['/api/partner/v1/health', '/api/partner/v1/webhooks/deliveries']) {
      expect(await get({}, path, off)).toMatchObject({
        status: 503,
        body: { error: { code: 'SERVICE_UNAVAILABLE' } },
      });
    }
    await off.close();
  });
});

describe('whose address it is', () => {
  test('a caller cannot choose its own: X-Forwarded-For counts only from a trusted proxy', async () => {
    const pair = owner.issue({ allowedIps: ['203.0.113.7'] });
    const headers = { ...pair.headers, 'x-forwarded-for': '203.0.113.7' };
    expect((await get(headers)).status).toBe(403);
    const behindProxy = await open({ TRUST_PROXY: 'loopback' });
    expect((await get(headers, undefined, behindProxy)).status).toBe(200);
    const spoofed = { ...pair.headers, 'x-forwarded-for': '203.0.113.7, 198.51.100.9' };
    expect((await get(spoofed, undefined, behindProxy)).status).toBe(403);
    await behindProxy.close();
  });
});
