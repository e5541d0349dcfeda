import { createReadStream } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bringTool, freePort } from '@switchboard/stack/testing';
import * as oidc from 'openid-client';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestProvider, type TestProvider } from '../apps/identity-service/test/support/oidc-provider.ts';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * A person at a real Chromium: an app on another origin with the real supabase-js, the certified oidc-provider as Google and
 * as X, every redirect through the gateway; and a device that the certified openid-client signs in, approved at our page.
 */
const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SUPABASE_JS = new URL('../node_modules/@supabase/supabase-js/dist/umd/supabase.js', import.meta.url);

let executablePath: string | undefined;
let missing = '';
let platform: Platform;
let google: TestProvider;
let x: TestProvider;
let browser: Browser;
let app: Server;
let appUrl: string;

/** An app as its makers write it: two buttons, and who is signed in. `?flow=` chooses PKCE or tokens in the fragment. */
const appPage = (): string => `<!doctype html><html lang="en"><title>An app</title>
<script src="/supabase.js"></script>
<button id="google">Google</button><button id="twitter">X</button><p id="who">nobody</p><p id="fault"></p>
<script>
  const here = new URL(location.href);
  const flowType = here.searchParams.get('flow') ?? localStorage.getItem('flow') ?? 'pkce';
  localStorage.setItem('flow', flowType);
  const client = supabase.createClient(${JSON.stringify(platform.gatewayUrl)}, ${JSON.stringify(platform.anonKey)}, { auth: { flowType } });
  for (const provider of ['google', 'twitter']) {
    document.getElementById(provider).onclick = () =>
      client.auth.signInWithOAuth({ provider, options: { redirectTo: location.origin + '/auth' } });
  }
  document.getElementById('fault').textContent = here.searchParams.get('error_description') ?? '';
  client.auth.onAuthStateChange(async (_event, session) => {
    if (!session) return;
    setTimeout(async () => {
      const { data, error } = await client.auth.getUser();
      document.getElementById('who').textContent = error ? error.message : data.user.user_metadata.full_name + ' by ' + data.user.app_metadata.provider;
    });
  });
</script>`;

beforeAll(async () => {
  executablePath = await bringTool('chromium').catch((error: Error) => {
    missing = error.message;
    console.warn(`NOT TESTED: sign-in with a browser, because ${missing}`);
    return undefined;
  });
  app = createServer((request, response) => {
    if (request.url === '/supabase.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' });
      createReadStream(SUPABASE_JS).pipe(response);
    } else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(appPage());
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  appUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  [google, x] = await Promise.all([
    startTestProvider({ kind: 'google', publicUrl }),
    startTestProvider({ kind: 'twitter', publicUrl }),
  ]);
  platform = await startPlatform(
    {
      gateway: { PORT: String(port), PUBLIC_URL: publicUrl },
      'identity-service': {
        PUBLIC_URL: publicUrl,
        AUTH_REDIRECT_URLS: `${appUrl}/auth`,
        ...google.env,
        ...x.env,
      },
    },
    { without: ['ai-service', 'webhook-dispatcher'] },
  );
  if (executablePath) browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  await Promise.all([google?.close(), x?.close()]);
  app?.closeAllConnections();
  app?.close();
});

const withPage = async (
  use: (page: Page) => Promise<void>,
  options: { javaScriptEnabled?: boolean } = {},
): Promise<void> => {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    await use(page);
  } finally {
    await context.close();
  }
};

const person = (id: string, name: string) => ({ id, name, email: `${id}@example.com`, username: id });

test.for([
  ['google', 'pkce'],
  ['google', 'implicit'],
  ['twitter', 'pkce'],
  ['twitter', 'implicit'],
] as const)('an app signs somebody in with %s (%s)', { timeout: 180_000 }, async ([provider, flow], ctx) => {
  ctx.skip(!executablePath, missing);
  const far = provider === 'google' ? google : x;
  far.asks = true;
  far.person = person(`${provider}-${flow}`, `Dana ${flow}`);
  await withPage(async (page) => {
    await page.goto(`${appUrl}/?flow=${flow}`);
    await page.click(`#${provider}`);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${appUrl}/auth**`);
    await page.getByText(`Dana ${flow} by ${provider}`).waitFor();
    // Neither code nor tokens stay in the address, where history and screenshots keep them.
    expect(page.url()).not.toMatch(/code=|access_token/);
  });
});

test('somebody who refuses comes back to the app with the reason', async (ctx) => {
  ctx.skip(!executablePath, missing);
  google.asks = true;
  google.person = person('refuses', 'Dana Refuses');
  await withPage(async (page) => {
    await page.goto(`${appUrl}/?flow=pkce`);
    await page.click('#google');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForURL(`${appUrl}/auth?*error=access_denied*`);
    expect(await page.textContent('#who')).toBe('nobody');
  });
}, 180_000);

test('a device is signed in by openid-client and approved at our page, in a browser without JavaScript', async (ctx) => {
  ctx.skip(!executablePath, missing);
  const { email, password } = await platform.createUser({ role: 'user' });
  const config = await oidc.discovery(
    new URL(`${platform.gatewayUrl}/auth/v1`),
    'living-room-tv',
    undefined,
    oidc.None(),
    { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
  );
  const asked = await oidc.initiateDeviceAuthorization(config, { scope: 'openid' });
  const polling = oidc.pollDeviceAuthorizationGrant(config, asked);
  await withPage(
    async (page) => {
      await page.goto(asked.verification_uri_complete ?? '');
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect(await page.getByLabel('Code').inputValue()).toBe(asked.user_code);
      await page.getByRole('button', { name: 'Yes, it is the same' }).click();
      await page.getByText('living-room-tv').first().waitFor();
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'Your device is signed in' }).waitFor();
    },
    { javaScriptEnabled: false },
  );
  // The ID token's signature was checked against the key set (enableNonRepudiationChecks), its claims by the library.
  const tokens = await polling;
  expect(tokens.claims()).toMatchObject({ aud: 'living-room-tv' });
  const user = await fetch(`${platform.gatewayUrl}/api/v1/auth/user`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  expect([user.status, await user.json()]).toMatchObject([200, { email }]);
}, 180_000);
