import { createPublicKey } from 'node:crypto';
import { createManualClock } from '@switchboard/contracts';
import jwt from 'jsonwebtoken';
import {
  allowInsecureRequests,
  Configuration,
  customFetch,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
} from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, createBrowser, formTokenIn } from './support/browser.ts';
import { anon, type MadeUser, PUBLIC_URL, startTestIdentity, type TestIdentity } from './support/identity.ts';

const CODE = '/api/v1/auth/device/code';
const TOKEN = '/api/v1/auth/device/token';
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

let identity: TestIdentity;
let replica: TestIdentity;
let user: MadeUser;
// From now on, because openid-client reads the times of tokens by the clock of the machine.
const clock = createManualClock(new Date().toISOString());
const wait = clock.advance;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
  replica = await identity.startReplica();
  user = await identity.makeUser({ email: 'grace@example.com' });
});
afterAll(async () => {
  await replica.close();
  await identity.close();
});
afterEach(() => identity.owner.query('DELETE FROM identity.user_code_tries'));

const begin = async (body: Record<string, unknown> = {}, on = identity) =>
  (await on.call(null, 'POST', CODE, { body })).body;
const poll = (deviceCode: string, on = identity, more: Record<string, unknown> = {}) =>
  on.call(null, 'POST', TOKEN, { body: { device_code: deviceCode, ...more } });

/** Somebody who is signed in at the page. */
const atPage = async (on = identity): Promise<Browser> => {
  const browser = createBrowser(on);
  const page = await browser.open('/device');
  const { email, password } = user;
  const shown = await browser.send('/device/sign-in', {
    form_token: formTokenIn(page.text),
    email,
    password,
  });
  expect(shown.text).toContain('Type the code');
  return browser;
};
const type = async (browser: Browser, userCode: string, ip?: string) =>
  browser.send(
    '/device/code',
    { form_token: formTokenIn((await browser.open('/device')).text), user_code: userCode },
    ip === undefined ? {} : { ip },
  );
const decide = async (browser: Browser, userCode: string, decision: 'approve' | 'deny') => {
  const { text } = await type(browser, userCode);
  const request = /name="request" value="([^"]+)"/.exec(text)?.[1] ?? '';
  return browser.send('/device/decision', { form_token: formTokenIn(text), request, decision });
};

describe('a device', () => {
  test('gets codes as the guide says, from JSON, a form or nothing at all', async () => {
    const answers = await Promise.all([
      identity.call(null, 'POST', CODE, { body: { client_id: 'cli' } }),
      identity.call(null, 'POST', CODE, {
        raw: 'client_id=cli&scope=',
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' },
      }),
      identity.call(null, 'POST', CODE),
    ]);
    for (const { status, headers, body } of answers) {
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toEqual({
        device_code: expect.stringMatching(/^[\w-]{43}$/),
        user_code: expect.stringMatching(/^[BCDFGHJKMNPQRSTVWXYZ3479]{4}-[BCDFGHJKMNPQRSTVWXYZ3479]{4}$/),
        verification_uri: `${PUBLIC_URL}/device`,
        verification_uri_complete: `${PUBLIC_URL}/device?user_code=${body.user_code}`,
        expires_in: 900,
        interval: 5,
      });
      const stored = JSON.stringify(await identity.rows('SELECT * FROM identity.device_authorizations'));
      expect(stored).not.toContain(body.device_code);
      expect(stored).not.toContain(body.user_code.replace('-', ''));
    }
  });

  test('waits, is approved, and gets its tokens once', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin({ client_name: 'My laptop' });
    const pending = await poll(deviceCode);
    expect(pending).toMatchObject({ status: 400, body: { error: 'authorization_pending' } });
    expect(pending.headers['cache-control']).toBe('no-store');
    const done = await decide(await atPage(), userCode, 'approve');
    expect(done.text).toContain('Your device is signed in');
    const { status, body, headers } = await poll(deviceCode, replica);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: expect.any(String),
    });
    expect(jwt.decode(body.access_token)).toMatchObject({ sub: user.id, amr: [{ method: 'device' }] });
    expect(await poll(deviceCode)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(
      await identity.rows('SELECT client_name FROM identity.sessions WHERE client_name IS NOT NULL'),
    ).toEqual([{ client_name: 'My laptop' }]);
    const refreshed = await identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', {
      body: { refresh_token: body.refresh_token },
    });
    expect(refreshed.body).toMatchObject({ token_type: 'bearer', user: { id: user.id } });
  });

  test('that polls too soon is slowed down by 5 seconds more each time, on any replica', async () => {
    const { device_code: deviceCode } = await begin();
    const errorAfter = async (seconds: number, on = identity) => {
      wait(seconds);
      return (await poll(deviceCode, on)).body.error;
    };
    expect(await errorAfter(0)).toBe('authorization_pending');
    expect(await errorAfter(4)).toBe('slow_down'); // from now on 10
    expect(await errorAfter(9, replica)).toBe('slow_down'); // 15
    expect(await errorAfter(15.1)).toBe('authorization_pending');
    expect(await errorAfter(14, replica)).toBe('slow_down'); // 20
    expect(await errorAfter(20.1)).toBe('authorization_pending');
  });

  test('that was denied is told so', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin();
    const done = await decide(await atPage(), userCode, 'deny');
    expect(done.text).toContain('turned away');
    for (let i = 0; i < 2; i += 1) {
      expect(await poll(deviceCode)).toMatchObject({ status: 400, body: { error: 'access_denied' } });
    }
  });

  test('that nobody decided about in 15 minutes is told that its code is too old', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin();
    wait(899);
    expect((await poll(deviceCode)).body.error).toBe('authorization_pending');
    wait(1);
    expect((await poll(deviceCode)).body.error).toBe('expired_token');
    const shown = await type(await atPage(), userCode);
    expect(shown.status).toBe(400);
    expect(shown.text).toContain('No device waits for this code');
  });

  test('that was approved gets nothing once its user is disabled, or signs out everywhere', async () => {
    const approved = async () => {
      const { device_code: deviceCode, user_code: userCode } = await begin();
      const browser = await atPage();
      await decide(browser, userCode, 'approve');
      return { deviceCode, browser };
    };
    const first = await approved();
    await identity.owner.query('UPDATE identity.users SET disabled_at = now()');
    expect((await poll(first.deviceCode)).body.error).toBe('access_denied');
    await identity.owner.query('UPDATE identity.users SET disabled_at = NULL');
    const second = await approved();
    const { principal } = await identity.signIn(user);
    await identity.call(principal, 'POST', '/auth/v1/logout?scope=global');
    expect((await poll(second.deviceCode)).body.error).toBe('access_denied');
    expect((await second.browser.open('/device')).text).toContain('Sign in to connect');
  });

  test('that polls twice at once on two replicas gets one set of tokens', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin();
    await decide(await atPage(), userCode, 'approve');
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => poll(deviceCode, index % 2 ? identity : replica)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400, 400, 400]);
    const refused = answers.filter(({ status }) => status === 400);
    expect(new Set(refused.map(({ body }) => body.error))).toEqual(new Set(['invalid_grant']));
  });

  test('with a code that is not its own, an unknown one or another grant gets what RFC 8628 says', async () => {
    const { device_code: deviceCode } = await begin({ client_id: 'one' });
    expect((await poll('x'.repeat(43))).body.error).toBe('invalid_grant');
    expect((await poll(deviceCode, identity, { client_id: 'other' })).body.error).toBe('invalid_grant');
    expect((await poll(deviceCode, identity, { grant_type: 'password' })).body.error).toBe(
      'unsupported_grant_type',
    );
    const empty = await identity.call(null, 'POST', TOKEN, { body: {} });
    expect(empty).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(empty.body.error_description).toContain('device_code');
  });
});

describe('openid-client', () => {
  const config = () => {
    const made = new Configuration(
      {
        issuer: `${PUBLIC_URL}/auth/v1`,
        device_authorization_endpoint: PUBLIC_URL + CODE,
        token_endpoint: PUBLIC_URL + TOKEN,
        jwks_uri: `${PUBLIC_URL}/auth/v1/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ['RS256'],
      },
      'a-strict-client',
      undefined,
      None(),
    );
    allowInsecureRequests(made);
    made[customFetch] = async (url, { method, headers, body }) => {
      const { pathname, search } = new URL(url);
      const answer = await identity.app.inject({
        method: method as 'GET' | 'POST',
        url: pathname + search,
        headers,
        ...(body instanceof URLSearchParams ? { payload: body.toString() } : {}),
      });
      const headersOf = new Headers({ 'content-type': String(answer.headers['content-type']) });
      return new Response(answer.body, { status: answer.statusCode, headers: headersOf });
    };
    return made;
  };

  test('signs in a device, with an ID token that the published keys verify', async () => {
    const client = config();
    const begun = await initiateDeviceAuthorization(client, { scope: 'openid email' });
    // It waits for the interval before its first poll; the wait is not what is tested.
    const polling = pollDeviceAuthorizationGrant(client, { ...begun, interval: 1 });
    const browser = await atPage();
    await decide(browser, begun.user_code, 'approve');
    const tokens = await polling;
    expect(tokens.claims()).toMatchObject({
      iss: `${PUBLIC_URL}/auth/v1`,
      aud: 'a-strict-client',
      sub: user.id,
      email: user.email,
      name: 'grace',
    });
    const { body: keySet } = await identity.call(anon, 'GET', '/auth/v1/.well-known/jwks.json');
    const header = jwt.decode(tokens.id_token ?? '', { complete: true })?.header;
    const jwk = keySet.keys.find(({ kid }: { kid: string }) => kid === header?.kid);
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    expect(() => jwt.verify(tokens.id_token ?? '', key, { algorithms: ['RS256'] })).not.toThrow();
  });

  test('understands a refusal', async () => {
    const client = config();
    const begun = await initiateDeviceAuthorization(client, {});
    await decide(await atPage(), begun.user_code, 'deny');
    await expect(pollDeviceAuthorizationGrant(client, { ...begun, interval: 1 })).rejects.toMatchObject({
      error: 'access_denied',
    });
  });
});

test('a client that names no client id may still ask for an ID token', async () => {
  const { device_code: deviceCode, user_code: userCode } = await begin({ scope: 'openid' });
  await decide(await atPage(), userCode, 'approve');
  const { body } = await poll(deviceCode, identity, { grant_type: GRANT });
  expect(jwt.decode(body.id_token)).toMatchObject({ aud: 'switchboard-cli', sub: user.id });
});

describe('guessing user codes', () => {
  const wrong = 'BBBB-BBBB';

  test('ends after five wrong ones from an address, on all replicas, right ones included', async () => {
    const { user_code: userCode } = await begin();
    const browsers = [await atPage(), await atPage(replica)];
    const ip = '198.51.100.1';
    const at = (index: number) => browsers[index % 2] as Browser;
    for (let i = 0; i < 5; i += 1) expect((await type(at(i), wrong, ip)).status).toBe(400);
    for (let i = 0; i < 3; i += 1) {
      const shown = await type(at(i), userCode, ip);
      expect(shown.status).toBe(429);
      expect(shown.headers.get('retry-after')).toBe('600');
      expect(shown.text).toContain('role="alert"');
    }
    expect((await type(at(0), userCode, '198.51.100.2')).text).toContain('Let this device use your account?');
    wait(600);
    const later = await begin();
    expect((await type(await atPage(), later.user_code, ip)).status).toBe(200);
  });

  test('with all tries at once does not get more of them', async () => {
    const browsers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => atPage(index % 2 ? identity : replica)),
    );
    const shown = await Promise.all(browsers.map((browser) => type(browser, wrong, '198.51.100.3')));
    expect(shown.map(({ status }) => status).toSorted()).toEqual([400, 400, 400, 400, 400, 429, 429, 429]);
  });

  test('with a right one in between does not begin anew', async () => {
    const browser = await atPage();
    const ip = '198.51.100.4';
    for (let i = 0; i < 4; i += 1) expect((await type(browser, wrong, ip)).status).toBe(400);
    const { user_code: own } = await begin();
    expect((await type(browser, own, ip)).status).toBe(200);
    expect((await type(browser, wrong, ip)).status).toBe(400);
    expect((await type(browser, wrong, ip)).status).toBe(429);
  });

  test('from many addresses of one IPv6 network counts as one', async () => {
    const browser = await atPage();
    for (let i = 1; i <= 5; i += 1) {
      expect((await type(browser, wrong, `2001:db8:1:2::${i}`)).status).toBe(400);
    }
    expect((await type(browser, wrong, '2001:0db8:0001:0002:aaaa:bbbb:cccc:dddd')).status).toBe(429);
    expect((await type(browser, wrong, '2001:db8:1:3::1')).status).toBe(400);
  });
});

test('how a code is typed does not matter', async () => {
  const { user_code: userCode } = await begin();
  const [head, tail] = userCode.split('-');
  const browser = await atPage();
  for (const typed of [
    userCode.toLowerCase(),
    `${head}${tail}`,
    ` ${head} ${tail} `,
    `${head}–${tail}`,
    [...`${head}${tail}`].join(' '),
  ]) {
    expect((await type(browser, typed)).text).toContain('Let this device use your account?');
  }
});

test('GET /api/v1/auth/user says who the token is of', async () => {
  const { principal } = await identity.signIn(user);
  const ask = () => identity.call(principal, 'GET', '/api/v1/auth/user');
  expect((await ask()).body).toEqual({ id: user.id, email: user.email, name: 'grace' });
  await identity.owner.query('UPDATE identity.users SET user_metadata = $1', [
    { full_name: 'Grace Hopper', avatar_url: 'https://img.example.com/grace.png' },
  ]);
  expect((await ask()).body).toEqual({
    id: user.id,
    email: user.email,
    name: 'Grace Hopper',
    avatar_url: 'https://img.example.com/grace.png',
  });
});
