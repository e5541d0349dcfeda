import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBrowser, type Shown } from './support/browser.ts';
import { anon, PUBLIC_URL, startTestIdentity, type TestIdentity } from './support/identity.ts';
import { type Person, startTestProvider, type TestProvider } from './support/oidc-provider.ts';

const APP = 'https://app.example.com/welcome';
const ada: Person = {
  id: '1001',
  name: 'Ada Lovelace',
  username: 'ada',
  email: 'ada@example.com',
  picture: 'https://img.example.com/ada_normal.png',
};

let google: TestProvider;
let x: TestProvider;
let identity: TestIdentity;

beforeAll(async () => {
  [google, x] = await Promise.all([
    startTestProvider({ kind: 'google', publicUrl: PUBLIC_URL }),
    startTestProvider({ kind: 'twitter', publicUrl: PUBLIC_URL }),
  ]);
  identity = await startTestIdentity({ env: { ...google.env, ...x.env, AUTH_REDIRECT_URLS: APP } });
});
afterAll(() => Promise.all([identity.close(), google.close(), x.close()]));
beforeEach(async () => {
  google.person = ada;
  x.person = ada;
  await identity.owner.query('DELETE FROM identity.users');
});

const authorizeUrl = (provider: string, parameters: Record<string, string> = {}) =>
  `/auth/v1/authorize?${new URLSearchParams({ provider, redirect_to: APP, ...parameters })}`;
const signIn = (provider: string, parameters?: Record<string, string>) =>
  createBrowser(identity).open(authorizeUrl(provider, parameters));
const fragmentOf = ({ url }: Shown) => Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1)));
const queryOf = ({ url }: Shown) => Object.fromEntries(new URL(url).searchParams);
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const users = () => identity.rows('SELECT * FROM identity.users ORDER BY created_at');

describe.each(['google', 'twitter'] as const)('with %s', (provider) => {
  test('somebody new comes back with tokens in the fragment, as supabase-js reads them', async () => {
    const shown = await signIn(provider);
    expect(shown.url.split('#')[0]).toBe(APP);
    const { access_token: accessToken = '', ...rest } = fragmentOf(shown);
    expect(rest).toMatchObject({ token_type: 'bearer', expires_in: '3600' });
    expect(rest.refresh_token).toEqual(expect.any(String));
    expect(rest.provider_token).toEqual(expect.any(String));
    expect(Number(rest.expires_at)).toBeGreaterThan(Date.now() / 1000);
    expect(claimsOf(accessToken)).toMatchObject({
      email: 'ada@example.com',
      app_metadata: { provider, providers: [provider], role: 'user' },
      user_metadata: {
        sub: '1001',
        provider_id: '1001',
        name: 'Ada Lovelace',
        full_name: 'Ada Lovelace',
        email: 'ada@example.com',
        email_verified: true,
        avatar_url: expect.stringContaining('https://img.example.com/ada'),
        picture: expect.stringContaining('https://img.example.com/ada'),
        iss: expect.stringContaining('http://127.0.0.1'),
      },
      amr: [{ method: 'oauth' }],
    });
    const refreshed = await identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', {
      body: { refresh_token: rest.refresh_token },
    });
    expect(refreshed.status).toBe(200);
  });

  test('a client that began with a challenge gets a code, good once and with its verifier only', async () => {
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const shown = await signIn(provider, { code_challenge: challenge, code_challenge_method: 's256' });
    expect(new URL(shown.url).hash).toBe('');
    const { code, ...others } = queryOf(shown);
    expect(others).toEqual({});
    const redeem = () =>
      identity.call(anon, 'POST', '/auth/v1/token?grant_type=pkce', {
        body: { auth_code: code, code_verifier: verifier },
      });
    const answer = await redeem();
    expect(answer.status).toBe(200);
    expect(answer.body.user).toMatchObject({ email: 'ada@example.com', app_metadata: { provider } });
    expect((await redeem()).status).toBe(404);
  });

  test('the same person is the same user, also with another address', async () => {
    await signIn(provider);
    google.person = { ...ada, email: 'ada@elsewhere.example' };
    x.person = google.person;
    await signIn(provider);
    expect(await users()).toMatchObject([{ email: 'ada@example.com' }]);
  });

  test('two first sign-ins at once make one user', async () => {
    const both = await Promise.all([signIn(provider), signIn(provider)]);
    expect(both.map((shown) => Object.keys(fragmentOf(shown)).includes('access_token'))).toEqual([
      true,
      true,
    ]);
    expect(await users()).toHaveLength(1);
  });

  test('somebody who refuses comes back with the error in query and fragment', async () => {
    google.person = null;
    x.person = null;
    const shown = await signIn(provider);
    const words = { error: 'access_denied', error_description: 'The person refused' };
    expect(queryOf(shown)).toMatchObject(words);
    expect(fragmentOf(shown)).toMatchObject(words);
    expect(await users()).toEqual([]);
  });
});

test('Google and X lead to one user when both have verified the same address', async () => {
  await signIn('google');
  const { access_token: accessToken = '' } = fragmentOf(await signIn('twitter'));
  expect(claimsOf(accessToken).app_metadata.providers).toEqual(['google', 'twitter']);
  expect(await users()).toHaveLength(1);
});

test('X may tell no address: the user has none', async () => {
  x.person = { id: '2002', name: 'Nobody', username: 'nobody' };
  const { access_token: accessToken = '' } = fragmentOf(await signIn('twitter'));
  expect(claimsOf(accessToken)).toMatchObject({ user_metadata: { user_name: 'nobody' } });
  expect(await users()).toMatchObject([{ email: null, email_confirmed_at: null }]);
});

test('what the standard has at the userinfo endpoint is read there', async () => {
  const standard = await startTestProvider({ kind: 'google', publicUrl: PUBLIC_URL, claimsInIdToken: false });
  const other = await identity.startReplica({ env: { ...standard.env, AUTH_REDIRECT_URLS: APP } });
  standard.person = ada;
  const shown = await createBrowser(other).open(authorizeUrl('google'));
  expect(claimsOf(fragmentOf(shown).access_token ?? '')).toMatchObject({
    email: 'ada@example.com',
    user_metadata: { full_name: 'Ada Lovelace' },
  });
  await Promise.all([other.close(), standard.close()]);
});

test('the provider is asked with PKCE, state and nonce, and what the client wants beside', async () => {
  const browser = createBrowser(identity);
  const shown = await browser.open(
    authorizeUrl('google', { scopes: 'calendar.readonly', prompt: 'consent', access_type: 'offline' }),
    { followsMax: 0 },
  );
  expect(shown.status).toBe(302);
  const asked = new URL(shown.headers.get('location') ?? '').searchParams;
  expect(Object.fromEntries(asked)).toMatchObject({
    response_type: 'code',
    client_id: 'google-client',
    redirect_uri: `${PUBLIC_URL}/auth/v1/callback`,
    scope: 'openid email profile calendar.readonly',
    prompt: 'consent',
    access_type: 'offline',
    code_challenge_method: 'S256',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
  });
  expect(browser.setCookies).toEqual([
    expect.stringMatching(
      /^switchboard_flow_[0-9a-f]{16}=[\w-]{43}; Path=\/auth\/v1\/callback; Max-Age=600; HttpOnly; SameSite=Lax$/,
    ),
  ]);
  const stored = await identity.rows('SELECT * FROM identity.oauth_flows');
  expect(JSON.stringify(stored)).not.toContain(asked.get('state'));
});

test('skip_http_redirect redirects browsers all the same, and gives JSON to whoever asks for it', async () => {
  const url = authorizeUrl('google', { skip_http_redirect: 'true' });
  expect((await identity.call(null, 'GET', url)).status).toBe(302);
  const answer = await identity.call(null, 'GET', url, { headers: { accept: 'application/json' } });
  expect(answer.status).toBe(200);
  expect(answer.body.url).toContain(google.issuer);
});

test('a provider that is not set up is refused as Supabase Auth does it', async () => {
  for (const provider of ['github', 'Google', '__proto__']) {
    const answer = await identity.call(null, 'GET', authorizeUrl(provider));
    expect(answer).toMatchObject({ status: 400, body: { code: 400, error_code: 'validation_failed' } });
  }
});

test('the service starts while Google is away, and goes on when it is there', async () => {
  const late = await startTestProvider({ kind: 'google', publicUrl: PUBLIC_URL });
  await late.close();
  const other = await identity.startReplica({ env: { ...late.env, AUTH_REDIRECT_URLS: APP } });
  const shown = await createBrowser(other).open(authorizeUrl('google'));
  expect(shown.url.startsWith(APP)).toBe(true);
  expect(queryOf(shown)).toMatchObject({ error: 'temporarily_unavailable' });
  await late.open();
  late.person = ada;
  expect(fragmentOf(await createBrowser(other).open(authorizeUrl('google')))).toHaveProperty('access_token');
  await Promise.all([other.close(), late.close()]);
});

test('plain http is taken for this machine only', async () => {
  await expect(
    identity.startReplica({ env: { ...google.env, GOOGLE_ISSUER_URL: 'http://accounts.example.com' } }),
  ).rejects.toThrow('must be https, or http on this machine');
});
