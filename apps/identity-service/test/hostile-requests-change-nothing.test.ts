import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowedRedirect, redirectOrHome } from '../src/domain/redirects.ts';
import {
  type Answer,
  anon,
  GOOD_PASSWORD,
  startTestIdentity,
  type TestIdentity,
} from './support/identity.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.close());

const signUp = (body: unknown): Promise<Answer> => identity.call(anon, 'POST', '/auth/v1/signup', { body });

describe('a caller', () => {
  it('cannot give itself a role, a business or a confirmation, at sign-up or later', async () => {
    const claims = {
      role: 'super_admin',
      app_metadata: { role: 'super_admin', business_id: 'somebody-elses' },
      raw_app_meta_data: { role: 'super_admin' },
      business_id: 'somebody-elses',
      is_super_admin: true,
      email_confirm: true,
      id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
      aud: 'admin',
    };
    const data = { role: 'super_admin', app_metadata: { role: 'super_admin' } };
    const made = await signUp({ email: 'sly@example.com', password: GOOD_PASSWORD, data, ...claims });
    expect(made.status).toBe(200);
    const signedIn = await identity.signIn({ email: 'sly@example.com', password: GOOD_PASSWORD });
    expect(signedIn.principal).toMatchObject({ role: 'user', business_id: null });
    const changed = await identity.call(signedIn.principal, 'PUT', '/auth/v1/user', {
      body: { data, ...claims },
    });
    expect(changed.body).toMatchObject({
      role: 'authenticated',
      aud: 'authenticated',
      app_metadata: { provider: 'email', providers: ['email'], role: 'user' },
      user_metadata: data,
    });
    const [row] = await identity.rows('SELECT role, business_id FROM identity.users WHERE id = $1', [
      signedIn.principal.user_id,
    ]);
    expect(row).toEqual({ role: 'user', business_id: null });
  });

  it('merges metadata, removes a key with null, and stores no more than is bounded', async () => {
    const { principal } = await identity.signIn(await identity.makeUser());
    const put = (data: unknown) => identity.call(principal, 'PUT', '/auth/v1/user', { body: { data } });
    await put({ name: 'Jane', color: 'red' });
    expect((await put({ color: null, size: 2 })).body.user_metadata).toEqual({ name: 'Jane', size: 2 });
    // It travels in every token, and those in a header.
    expect((await put({ a: 'x'.repeat(5_000) })).status).toBe(400);
    expect((await put({ a: 'x'.repeat(3_000) })).status).toBe(200);
    expect((await put({ b: 'x'.repeat(3_000) })).status).toBe(400);
    expect((await put(JSON.parse('{"__proto__":{"role":"admin"}}'))).status).toBe(400);
    let deep: unknown = {};
    for (let i = 0; i < 12; i += 1) deep = { deep };
    expect((await put(deep)).status).toBe(400);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['words', 'email'],
    ['a number for an address', { email: 1, password: GOOD_PASSWORD }],
    ['a list of addresses', { email: ['a@example.com'], password: GOOD_PASSWORD }],
    ['an object for a password', { email: 'a@example.com', password: { $ne: '' } }],
    ['NUL in an address', { email: 'a\u0000@example.com', password: GOOD_PASSWORD }],
    ['NUL in a password', { email: 'nul@example.com', password: 'a\u0000-long-password' }],
    ['half a surrogate pair', { email: 'half@example.com', password: GOOD_PASSWORD, data: { a: '\ud800' } }],
    ['a line break in an address', { email: 'a@example.com\r\nBcc: b@example.com', password: GOOD_PASSWORD }],
    ['two addresses', { email: 'a@example.com,b@example.com', password: GOOD_PASSWORD }],
    ['a name with an address', { email: 'A <a@example.com>', password: GOOD_PASSWORD }],
    ['a quoted address', { email: '"a b"@example.com', password: GOOD_PASSWORD }],
    ['an address without a domain', { email: 'a@', password: GOOD_PASSWORD }],
    ['an address with two ats', { email: 'a@b@example.com', password: GOOD_PASSWORD }],
    ['an address without end', { email: `${'a'.repeat(300)}@example.com`, password: GOOD_PASSWORD }],
    ['a password without end', { email: 'long@example.com', password: 'a'.repeat(5000) }],
    [
      'a challenge without a method',
      { email: 'c@example.com', password: GOOD_PASSWORD, code_challenge: 'a'.repeat(43) },
    ],
    ['data that is no object', { email: 'd@example.com', password: GOOD_PASSWORD, data: [1] }],
  ])('that signs up with %s is told what is wrong with it', async (_name, body) => {
    const before = await identity.rows('SELECT count(*) FROM identity.users');
    const answer = await signUp(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 400,
      error_code: expect.stringMatching(/validation_failed|bad_json/),
    });
    expect(await identity.rows('SELECT count(*) FROM identity.users')).toEqual(before);
  });

  it.each([
    ['/auth/v1/token', { email: 'a@example.com', password: 'b' }],
    ['/auth/v1/token?grant_type=password', { email: 'a@example.com' }],
    ['/auth/v1/token?grant_type=refresh_token', {}],
    ['/auth/v1/token?grant_type=pkce', { auth_code: 'a' }],
    ['/auth/v1/token?grant_type=password&grant_type=pkce', {}],
    ['/auth/v1/token?grant_type=authorization_code', {}],
    ['/auth/v1/token?grant_type=__proto__', {}],
    ['/auth/v1/verify', { type: 'constructor', token_hash: 'a' }],
    ['/auth/v1/verify', { type: 'recovery' }],
    ['/auth/v1/verify', { type: 'recovery', email: 'a@example.com' }],
    ['/auth/v1/recover', { email: 'nonsense' }],
    ['/auth/v1/recover', {}],
  ])('of %s with too little or nonsense gets 400', async (path, body) => {
    expect((await identity.call(anon, 'POST', path, { body })).status).toBe(400);
  });

  it('gets no further with other content than JSON', async () => {
    const post = (raw: string, type: string) =>
      identity.call(anon, 'POST', '/auth/v1/signup', { raw, headers: { 'content-type': type } });
    expect((await post('email=a@example.com', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await post('{"email":', 'application/json')).body.error_code).toBe('bad_json');
    expect((await post(`{"email":"${'a'.repeat(2_000_000)}"}`, 'application/json')).status).toBe(413);
  });

  it('without the right credential gets no further', async () => {
    for (const [method, path] of [
      ['GET', '/auth/v1/user'],
      ['PUT', '/auth/v1/user'],
      ['POST', '/auth/v1/logout'],
    ] as const) {
      expect((await identity.call(null, method, path)).status).toBe(401);
      expect((await identity.call(anon, method, path)).status).toBe(401);
    }
    const external = {
      kind: 'user',
      user_id: identity.deps.data.ids.next(),
      email: null,
      role: 'user',
      business_id: null,
      session_id: 'not-of-ours',
      origin: 'external',
    } as const;
    expect((await identity.call(external, 'GET', '/auth/v1/user')).status).toBe(404);
    const put = await identity.call(external, 'PUT', '/auth/v1/user', { body: { password: GOOD_PASSWORD } });
    expect(put.status).toBe(403);
  });
});

describe('an address to be sent back to', () => {
  const config = {
    identity: {
      publicUrl: 'https://api.example.com',
      redirectUrls: [
        'https://app.example.com/auth',
        'https://app.example.com/welcome/*',
        'https://app.example.com/teams/*/done',
        'https://other.example.com:8443/',
        'https://q.example.com/back?from=us',
        'com.example.app://signed-in/*',
      ],
    },
  } as Parameters<typeof isAllowedRedirect>[0];

  it.each([
    'https://app.example.com/auth',
    'https://app.example.com/welcome/back',
    'https://app.example.com/teams/red/done',
    'https://other.example.com:8443/',
    'https://other.example.com:8443',
    'https://q.example.com/back?from=us',
    'com.example.app://signed-in/now',
    'https://api.example.com',
    'https://api.example.com/device?user_code=WXYZ-2345',
  ])('%s is allowed', (url) => {
    expect(isAllowedRedirect(config, url)).toBe(true);
    expect(redirectOrHome(config, url)).toBe(url);
  });

  it.each([
    '',
    '/',
    '/auth',
    '//evil.example',
    '///evil.example',
    '////evil.example/%2e%2e',
    '\\\\evil.example',
    '/\\evil.example',
    'evil.example',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'https:\\\\evil.example',
    'https://evil.example',
    'http://app.example.com/auth',
    'https://app.example.com.evil.example/auth',
    'https://app.example.com@evil.example/auth',
    'https://app.example.com:pass@evil.example/auth',
    'https://user@app.example.com/auth',
    'https://evil.example\\@app.example.com/auth',
    'https://evil.example#@app.example.com/auth',
    'https://evil.example?@app.example.com/auth',
    'https://evil.example/https://app.example.com/auth',
    'https://app.example.com:444/auth',
    'https://app.example.com:443/auth',
    'https://APP.example.com/auth',
    'HTTPS://app.example.com/auth',
    'https://app.example.com./auth',
    'https://app%2eexample.com/auth',
    'https://app。example.com/auth',
    'https://аpp.example.com/auth',
    'https://app.example.com/auth/',
    'https://app.example.com/auth?next=https://evil.example',
    'https://app.example.com/auth#token=x',
    'https://app.example.com/auth/../../evil',
    'https://app.example.com/auth/%2e%2e/x',
    'https://app.example.com/welcome/',
    'https://app.example.com/welcome/a/b',
    'https://app.example.com/welcome/..',
    'https://app.example.com/welcome/../admin',
    'https://app.example.com/welcome/%2e%2e/admin',
    'https://app.example.com/welcome/..%2fadmin',
    'https://app.example.com/welcome/a%2Fb',
    'https://app.example.com/welcome/a%5c..',
    'https://app.example.com/welcome/a\\b',
    'https://app.example.com/teams/a/b/done',
    'https://app.example.com/AUTH',
    ' https://app.example.com/auth',
    'https://app.example.com/auth ',
    'https://app.exa\tmple.com/auth',
    'https://app.example.com/auth\r\nSet-Cookie: a=b',
    'https://app.example.com/auth\u0000',
    'https://q.example.com/back',
    'https://q.example.com/back?from=us&to=evil',
    'https://other.example.com/',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\nscript:alert(1)',
    'javascript://app.example.com/auth%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:msgbox(1)',
    'blob:https://app.example.com/auth',
    'file:///etc/passwd',
    'com.example.app://evil/now',
    'com.example.app:signed-in/now',
  ])('%j is not', (url) => {
    expect(isAllowedRedirect(config, url)).toBe(false);
    expect(redirectOrHome(config, url)).toBe('https://api.example.com/');
  });

  it('is never somewhere else than a browser goes for what was allowed', () => {
    for (const url of ['https://app.example.com/welcome/back', 'https://api.example.com/x']) {
      const { host } = new URL(redirectOrHome(config, url), 'https://evil.example');
      expect(['app.example.com', 'api.example.com']).toContain(host);
    }
  });
});
