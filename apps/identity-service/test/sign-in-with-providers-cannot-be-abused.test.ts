import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBrowser, type Shown } from './support/browser.ts';
import { anon, GOOD_PASSWORD, PUBLIC_URL, startTestIdentity, type TestIdentity } from './support/identity.ts';
import { startTestProvider, type TestProvider } from './support/oidc-provider.ts';

const APP = 'https://app.example.com/welcome';
const VICTIM = 'victim@example.com';

let google: TestProvider;
let identity: TestIdentity;
let now = Date.now();

beforeAll(async () => {
  google = await startTestProvider({ kind: 'google', publicUrl: PUBLIC_URL });
  identity = await startTestIdentity({
    clock: { now: () => new Date(now) },
    env: { ...google.env, AUTH_REDIRECT_URLS: APP },
  });
});
afterAll(() => Promise.all([identity.close(), google.close()]));
beforeEach(async () => {
  google.person = { id: 'g-1', name: 'Victim', email: VICTIM };
  await identity.owner.query('DELETE FROM identity.users');
});

const authorizeUrl = (redirectTo = APP) =>
  `/auth/v1/authorize?${new URLSearchParams({ provider: 'google', redirect_to: redirectTo })}`;
const open = () => createBrowser(identity).open(authorizeUrl());
const fragmentOf = ({ url }: Shown) => Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1)));
const users = () => identity.rows('SELECT * FROM identity.users ORDER BY email NULLS LAST');
const passwordSignIn = (email: string, password = GOOD_PASSWORD) =>
  identity.call(anon, 'POST', '/auth/v1/token?grant_type=password', { body: { email, password } });

/** A browser that has been at the provider, and the callback address that it would open next. */
const beforeCallback = async () => {
  const browser = createBrowser(identity);
  let next = authorizeUrl();
  for (let follows = 0; follows < 10; follows += 1) {
    const shown = await browser.open(next, { followsMax: 0 });
    next = new URL(shown.headers.get('location') ?? '', shown.url).href;
    if (next.startsWith(`${PUBLIC_URL}/auth/v1/callback`)) return { browser, callback: next };
  }
  throw new Error('the provider never led back');
};
const expectNowhere = (shown: Shown) => {
  expect(shown.status).toBe(400);
  expect(shown.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(shown.headers.get('location')).toBeNull();
  expect(shown.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
};

describe('the answer of a provider', () => {
  test('is good once', async () => {
    const { browser, callback } = await beforeCallback();
    expect(fragmentOf(await browser.open(callback))).toHaveProperty('access_token');
    expectNowhere(await browser.open(callback));
  });

  test('is good in the browser that began only, and is not used up by another one', async () => {
    const { browser, callback } = await beforeCallback();
    expectNowhere(await createBrowser(identity).open(callback));
    const other = await beforeCallback();
    expectNowhere(await other.browser.open(callback));
    expect(await users()).toEqual([]);
    expect(fragmentOf(await browser.open(callback))).toHaveProperty('access_token');
  });

  test('with an invented state, none, or two leads nowhere', async () => {
    const { browser, callback } = await beforeCallback();
    const invented = new URL(callback);
    invented.searchParams.set('state', 'x'.repeat(43));
    expectNowhere(await browser.open(invented.href));
    invented.searchParams.delete('state');
    expectNowhere(await browser.open(invented.href));
    expectNowhere(await browser.open(`${callback}&state=other`));
    expectNowhere(
      await browser.open(`${PUBLIC_URL}/auth/v1/callback?error=x&redirect_to=https://evil.example`),
    );
  });

  test('that comes too late is refused, and says so where the sign-in began', async () => {
    const { browser, callback } = await beforeCallback();
    now += 601_000;
    const shown = await browser.open(callback);
    expect(fragmentOf(shown)).toMatchObject({ error: 'invalid_request', error_code: 'flow_state_expired' });
    expect(await users()).toEqual([]);
  });

  test('with a code that the provider does not know makes nobody', async () => {
    const { browser, callback } = await beforeCallback();
    const forged = new URL(callback);
    forged.searchParams.set('code', 'x'.repeat(43));
    expect(fragmentOf(await browser.open(forged.href))).toMatchObject({ error: 'server_error' });
    expect(await users()).toEqual([]);
  });

  test('in the name of another issuer is refused (mix-up)', async () => {
    const { browser, callback } = await beforeCallback();
    const mixed = new URL(callback);
    mixed.searchParams.set('iss', 'https://evil.example');
    expect(fragmentOf(await browser.open(mixed.href))).toMatchObject({ error: 'server_error' });
    expect(await users()).toEqual([]);
  });

  test('cannot put markup or other parameters into where the sign-in began', async () => {
    const { browser, callback } = await beforeCallback();
    const state = new URL(callback).searchParams.get('state') ?? '';
    const forged = new URLSearchParams({
      state,
      iss: google.issuer,
      error: 'x&access_token=evil',
      error_description: '</script>#access_token=evil',
    });
    const shown = await browser.open(`${PUBLIC_URL}/auth/v1/callback?${forged}`);
    expect(shown.url.startsWith(`${APP}?`)).toBe(true);
    expect(fragmentOf(shown)).not.toHaveProperty('access_token');
    expect(fragmentOf(shown).error).toBe('server_error');
    expect(shown.url).not.toContain('<');
  });
});

test.each([
  'https://evil.example/',
  'https://app.example.com.evil.example/welcome',
  'https://app.example.com@evil.example/welcome',
  'https://app.example.com/welcome/../other',
  'https://app.example.com/other',
  '//evil.example',
  'javascript:alert(1)',
  'https://app.example.com/welcome\\@evil.example',
  'http://app.example.com/welcome',
])('nobody is led to %s', async (redirectTo) => {
  const shown = await createBrowser(identity).open(authorizeUrl(redirectTo));
  expect(new URL(shown.url).origin).toBe(PUBLIC_URL);
  google.person = null;
  const refused = await createBrowser(identity).open(authorizeUrl(redirectTo));
  expect(new URL(refused.url).origin).toBe(PUBLIC_URL);
});

describe('an account that is there already', () => {
  test('is not got at with an address that the provider has not verified', async () => {
    const victim = await identity.makeUser({ email: VICTIM });
    google.person = { id: 'attacker', email: VICTIM, emailVerified: false };
    expect(fragmentOf(await open())).toHaveProperty('access_token');
    const all = await users();
    expect(all.map(({ id, email }) => [id === victim.id, email])).toEqual([
      [true, VICTIM],
      [false, null],
    ]);
    expect((await passwordSignIn(VICTIM)).status).toBe(200);
  });

  test('keeps its password when its address was proven by mail', async () => {
    const victim = await identity.makeUser({ email: VICTIM });
    await identity.owner.query(
      `UPDATE identity.user_identities SET identity_data = jsonb_set(identity_data::jsonb, '{email_verified}', 'true')`,
    );
    expect(fragmentOf(await open())).toHaveProperty('access_token');
    expect(await users()).toMatchObject([{ id: victim.id }]);
    expect((await passwordSignIn(VICTIM)).status).toBe(200);
  });

  test.each([
    ['not confirmed', false],
    ['confirmed without a mail', true],
  ])('and %s is its owner’s from then on: whoever waits in it is put out', async (_name, isConfirmed) => {
    const planted = await identity.makeUser({ email: VICTIM, isConfirmed });
    const attacker = isConfirmed ? await identity.signIn(planted) : null;
    await identity.owner.query(
      `INSERT INTO identity.one_time_tokens (id, user_id, purpose, token_hash, code_hash, email, created_at, expires_at)
       VALUES ($1, $2, 'email_change', $3, $3, 'evil@example.com', now(), now() + interval '1 day')`,
      ['0192f0c1-2b3c-7d4e-8f50-617283940a1b', planted.id, 'a'.repeat(64)],
    );
    const { access_token: accessToken = '', refresh_token: refreshToken } = fragmentOf(await open());
    expect(accessToken).not.toBe('');
    expect(await users()).toMatchObject([{ id: planted.id, password_hash: null }]);
    expect((await users())[0]?.email_confirmed_at).not.toBeNull();
    expect((await passwordSignIn(VICTIM)).status).toBe(400);
    expect(await identity.rows('SELECT FROM identity.one_time_tokens')).toEqual([]);
    const refresh = (token: string | undefined) =>
      identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', {
        body: { refresh_token: token },
      });
    if (attacker) expect((await refresh(attacker.refreshToken)).status).toBe(400);
    expect((await refresh(refreshToken)).status).toBe(200);
  });

  test('that is disabled stays shut', async () => {
    await open();
    await identity.owner.query('UPDATE identity.users SET disabled_at = now()');
    expect(fragmentOf(await open())).toMatchObject({ error: 'access_denied', error_code: 'user_banned' });
  });

  test('that is disabled stays shut to a first sign-in with its address, and is not changed', async () => {
    await identity.makeUser({ email: VICTIM });
    await identity.owner.query('UPDATE identity.users SET disabled_at = now()');
    expect(fragmentOf(await open())).toMatchObject({ error_code: 'user_banned' });
    expect((await users())[0]?.password_hash).not.toBeNull();
  });
});

test('where nobody may sign up, nobody new comes in with a provider', async () => {
  const closed = await identity.startReplica({
    env: { ...google.env, AUTH_REDIRECT_URLS: APP, AUTH_SIGNUP_ENABLED: 'false' },
  });
  const shown = await createBrowser(closed).open(authorizeUrl());
  expect(fragmentOf(shown)).toMatchObject({ error: 'access_denied', error_code: 'signup_disabled' });
  await closed.close();
  expect(await users()).toEqual([]);
});
