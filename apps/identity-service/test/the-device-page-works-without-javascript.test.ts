import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Browser, createBrowser, formTokenIn, type Shown } from './support/browser.ts';
import { type MadeUser, PUBLIC_URL, startTestIdentity, type TestIdentity } from './support/identity.ts';
import { startTestProvider, type TestProvider } from './support/oidc-provider.ts';

let google: TestProvider;
let identity: TestIdentity;
let user: MadeUser;
let laterMs = 0;

beforeAll(async () => {
  google = await startTestProvider({ kind: 'google', publicUrl: PUBLIC_URL });
  identity = await startTestIdentity({
    env: google.env,
    clock: { now: () => new Date(Date.now() + laterMs) },
  });
  user = await identity.makeUser({ email: 'grace@example.com' });
});
afterAll(() => Promise.all([identity.close(), google.close()]));
beforeEach(() => identity.owner.query('DELETE FROM identity.user_code_tries'));

const begin = async (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  (await identity.call(null, 'POST', '/api/v1/auth/device/code', { body, headers, ip: '192.0.2.44' })).body;
const pollError = async (deviceCode: string) =>
  (await identity.call(null, 'POST', '/api/v1/auth/device/token', { body: { device_code: deviceCode } })).body
    .error;

/** The form of a page as a browser would send it. */
const formIn = ({ text }: Shown, action: string) => {
  const form = text.split('<form').find((part) => part.includes(`action="${action}"`)) ?? '';
  const fields = [...(form.split('</form>')[0] ?? '').matchAll(/<input[^>]*name="([^"]+)"[^>]*>/g)];
  return Object.fromEntries(
    fields.map(([input, name]) => [name, /value="([^"]*)"/.exec(input)?.[1] ?? '']),
  ) as Record<string, string>;
};
const submit = (browser: Browser, shown: Shown, action: string, typed: Record<string, string> = {}) =>
  browser.send(action, { ...formIn(shown, action), ...typed });
const signIn = async (browser: Browser, address = '/device') =>
  submit(browser, await browser.open(address), '/device/sign-in', {
    email: user.email,
    password: user.password,
  });

const expectGoodPage = (shown: Shown) => {
  expect(shown.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(shown.headers.get('cache-control')).toBe('no-store');
  expect(shown.headers.get('referrer-policy')).toBe('no-referrer');
  const policy = shown.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(shown.text).toContain('<html lang="en">');
  expect(shown.text).not.toMatch(/<script|<link|<img|<iframe| on\w+=| style=|https?:\/\//);
  expect([...shown.text.matchAll(/<(main|h1)[ >]/g)].map(([, tag]) => tag)).toEqual(['main', 'h1']);
  // Zoom is not taken away, and every field that is seen has a label.
  expect(shown.text).not.toMatch(/user-scalable|maximum-scale/);
  for (const [input] of shown.text.matchAll(/<input(?![^>]*type="hidden")[^>]*>/g)) {
    expect(shown.text).toContain(`<label for="${/id="([^"]+)"/.exec(input)?.[1]}"`);
  }
};

test('from the link of a device to its approval', async () => {
  const begun = await begin(
    { client_id: 'cli', client_name: 'Switchboard on a laptop' },
    { 'user-agent': 'cli/1.0 (Linux)' },
  );
  const browser = createBrowser(identity);
  const first = await browser.open(begun.verification_uri_complete);
  expect(first.status).toBe(200);
  expectGoodPage(first);
  expect(first.text).toContain('Sign in to connect a device');
  expect(browser.setCookies[0]).toMatch(
    /^switchboard_device=[\w-]{43}; Path=\/device; Max-Age=900; HttpOnly; SameSite=Lax$/,
  );

  const wrong = await submit(browser, first, '/device/sign-in', { email: user.email, password: 'wrong' });
  expect(wrong.status).toBe(400);
  expectGoodPage(wrong);
  expect(wrong.text).toMatch(/role="alert"[^>]*>E-mail or password is wrong/);
  expect(wrong.headers.get('x-internal-error-code')).toBe('INVALID_CREDENTIALS');
  expect(wrong.text).toContain(`value="${user.email}"`);
  expect(wrong.text).not.toContain('value="wrong"');

  const prefilled = await submit(browser, wrong, '/device/sign-in', {
    email: user.email,
    password: user.password,
  });
  expectGoodPage(prefilled);
  expect(prefilled.url).toContain('?user_code=');
  expect(prefilled.text).toContain('Is this the code on your device?');
  expect(prefilled.text).toContain(`value="${begun.user_code}"`);
  expect(await pollError(begun.device_code)).toBe('authorization_pending');

  const confirm = await submit(browser, prefilled, '/device/code');
  expectGoodPage(confirm);
  expect(new URL(confirm.url).pathname).toBe('/device/confirm');
  for (const words of ['Switchboard on a laptop', 'cli', '192.0.2.44', 'cli/1.0 (Linux)', user.email]) {
    expect(confirm.text).toContain(words);
  }
  const done = await submit(browser, confirm, '/device/decision', { decision: 'approve' });
  expectGoodPage(done);
  expect(done.text).toContain('Your device is signed in');
  expect(await pollError(begun.device_code)).toBeUndefined();
});

test('the browser is known by another name after signing in than before', async () => {
  const browser = createBrowser(identity);
  await browser.open('/device');
  const before = browser.cookie('switchboard_device');
  await signIn(browser);
  expect(browser.cookie('switchboard_device')).not.toBe(before);
  const stored = JSON.stringify(await identity.rows('SELECT * FROM identity.page_sessions'));
  expect(stored).not.toContain(browser.cookie('switchboard_device'));
});

test('a session of the page ends after 15 minutes, and when its user is disabled', async () => {
  const browser = createBrowser(identity);
  expect((await signIn(browser)).text).toContain('Type the code');
  await identity.owner.query('UPDATE identity.users SET disabled_at = now()');
  expect((await browser.open('/device')).text).toContain('Sign in to connect');
  await identity.owner.query('UPDATE identity.users SET disabled_at = NULL');
  laterMs += 900_000;
  expect((await browser.open('/device')).text).toContain('Sign in to connect');
});

test('another account may be used', async () => {
  const browser = createBrowser(identity);
  const shown = await signIn(browser, '/device?user_code=WXYZ-3479');
  const after = await submit(browser, shown, '/device/sign-out');
  expect(after.text).toContain('Sign in to connect');
  expect(after.url).toContain('user_code=WXYZ-3479');
});

test('Google leads back to the page, signed in, with the code still there', async () => {
  google.person = { id: 'g-1', name: 'Grace', email: 'grace@google.example' };
  const browser = createBrowser(identity);
  const first = await browser.open('/device?user_code=wxyz3479');
  const link = /href="(\/device\/sign-in\/google[^"]*)"/.exec(first.text)?.[1] ?? '';
  const shown = await browser.open(link);
  expect(shown.url).toBe(`${PUBLIC_URL}/device?user_code=WXYZ-3479`);
  expect(shown.text).toContain('grace@google.example');
  expect(await identity.rows('SELECT FROM identity.sessions')).toHaveLength(1);

  google.person = null;
  const refused = await createBrowser(identity).open(link);
  expect(refused.text).toContain('That sign-in came to nothing');
  expect(first.text).not.toContain('sign-in/twitter');
  expect((await browser.open('/device/sign-in/twitter')).status).toBe(400);
});

describe('forms', () => {
  test('are refused without the token of this browser', async () => {
    const begun = await begin();
    const browser = createBrowser(identity);
    const confirm = await submit(browser, await signIn(browser), '/device/code', {
      user_code: begun.user_code,
    });
    const good = formIn(confirm, '/device/decision');
    const other = createBrowser(identity);
    const foreign = formTokenIn((await other.open('/device')).text);
    for (const formToken of ['', 'x', foreign]) {
      for (const action of ['/device/decision', '/device/code', '/device/sign-in', '/device/sign-out']) {
        const shown = await browser.send(action, { ...good, decision: 'approve', form_token: formToken });
        expect(shown.status).toBe(403);
        expectGoodPage(shown);
      }
    }
    const crossSite = await browser.send(
      '/device/decision',
      { ...good, decision: 'approve' },
      { headers: { 'sec-fetch-site': 'cross-site' } },
    );
    expect(crossSite.status).toBe(403);
    const noCookie = await other.send('/device/decision', { ...good, decision: 'approve' });
    expect(noCookie.status).toBe(403);
    expect(await pollError(begun.device_code)).toBe('authorization_pending');
  });

  test('decide about what was shown, not about what another tab chose since', async () => {
    const [shown, chosen] = [await begin({ client_name: 'Mine' }), await begin({ client_name: 'Evil' })];
    const browser = createBrowser(identity);
    const page = await signIn(browser);
    const confirm = await submit(browser, page, '/device/code', { user_code: shown.user_code });
    await submit(browser, page, '/device/code', { user_code: chosen.user_code });
    const decided = await submit(browser, confirm, '/device/decision', { decision: 'approve' });
    expect(decided.status).toBe(400);
    expect(await pollError(chosen.device_code)).toBe('authorization_pending');
    expect(await pollError(shown.device_code)).toBe('authorization_pending');
  });

  test('decide once', async () => {
    const begun = await begin();
    const browsers = [createBrowser(identity), createBrowser(identity)];
    const decisions = ['approve', 'deny'];
    const pages: Shown[] = [];
    for (const browser of browsers) {
      pages.push(
        await submit(browser, await signIn(browser), '/device/code', { user_code: begun.user_code }),
      );
    }
    const answers = await Promise.all(
      browsers.map((browser, index) =>
        submit(browser, pages[index] as Shown, '/device/decision', { decision: decisions[index] ?? '' }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
  });

  test('that are not as they were sent out are answered with a page', async () => {
    const browser = createBrowser(identity);
    for (const form of [
      { decision: 'maybe', form_token: 'x' },
      { email: 'x'.repeat(1_000), form_token: 'x' },
    ]) {
      const action = 'email' in form ? '/device/sign-in' : '/device/decision';
      const shown = await browser.send(action, form as Record<string, string>);
      expect(shown.status).toBe(400);
      expect(shown.headers.get('content-type')).toBe('text/html; charset=utf-8');
    }
  });
});

test('nothing that a device or an address says becomes markup', async () => {
  const evil = `"><script>alert(1)</script><b onclick='x'>`;
  const begun = await begin({ client_name: evil, client_id: evil }, { 'user-agent': evil });
  const browser = createBrowser(identity);
  const page = await signIn(browser);
  const confirm = await submit(browser, page, '/device/code', { user_code: begun.user_code });
  const shown = [
    confirm,
    await browser.open(`/device?user_code=${encodeURIComponent(evil.slice(0, 50))}`),
    await createBrowser(identity).open(`/device?user_code=${encodeURIComponent(evil.slice(0, 50))}`),
    await browser.send('/device/code', { form_token: formTokenIn(page.text), user_code: evil.slice(0, 50) }),
    await browser.open(`/device?notice=${encodeURIComponent(evil)}`),
    await browser.open('/device?notice=__proto__'),
  ];
  for (const each of shown) {
    expect(each.text).not.toMatch(/<script|<b /);
    expect(each.text).not.toContain(evil);
  }
  expect(confirm.text).toContain('&#60;script&#62;alert(1)&#60;/script&#62;');
});

test('the page of a device that waits no longer says so', async () => {
  const begun = await begin();
  const browser = createBrowser(identity);
  await submit(browser, await signIn(browser), '/device/code', { user_code: begun.user_code });
  await identity.owner.query('UPDATE identity.device_authorizations SET expires_at = $1', [
    new Date(Date.now() + laterMs - 1),
  ]);
  const shown = await browser.open('/device/confirm');
  expect(shown.text).toContain('That device waits no longer');
  expect((await createBrowser(identity).open('/device/confirm')).text).toContain('Sign in to connect');
});
