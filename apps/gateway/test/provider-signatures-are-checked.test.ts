import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createManualClock } from '@switchboard/contracts';
import { resetNats } from '@switchboard/stack/testing';
import Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Echo, startEcho, testRoute } from './support/echo.ts';
import { startGateway, type TestGateway } from './support/gateway.ts';

type HeadersInit = NonNullable<RequestInit['headers']>;

const clock = createManualClock();
const STRIPE_SECRET = 'whsec_test_of_this_file';
const ELEVENLABS_SECRET = 'wsec_test_of_this_file';
const stripe = new Stripe('sk_test_unused');
const payload = JSON.stringify({ id: 'evt_1', object: 'event', text: 'Zoë' });
const nowSeconds = () => Math.floor(clock.now().getTime() / 1000);

const makeKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const github = makeKey();
let publicKeys: { key_identifier: string; key: string; is_current: boolean }[];

let echo: Echo;
let gateway: TestGateway;
let keyServer: Server;
let keyServerUrl: string;

const provider = (name: 'stripe' | 'elevenlabs' | 'github') =>
  testRoute(`/api/admin/v1/test/${name}`, ['provider'], {
    method: 'POST',
    provider: name,
    limitGroup: 'admin',
  });
const routes = [provider('stripe'), provider('elevenlabs'), provider('github')];

const open = (env: Record<string, string> = {}) =>
  startGateway({
    clock,
    routes,
    env: {
      PARTNER_SERVICE_URL: echo.url,
      STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
      ELEVENLABS_WEBHOOK_SECRET: ELEVENLABS_SECRET,
      SECRET_SCANNING_KEYS_URL: keyServerUrl,
      CREDENTIAL_REFUSALS_PER_MINUTE: '1000',
      ...env,
    },
  });

const post = async (name: string, headers: HeadersInit, body: string | Buffer = payload, at = gateway) => {
  const response = await fetch(`${at.url}/api/admin/v1/test/${name}`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: new Headers([['content-type', 'application/json'], ...new Headers(headers)]),
  });
  return { status: response.status, headers: response.headers, body: Object(await response.json()) };
};

const stripeHeader = (options: { secret?: string; timestamp?: number; payload?: string } = {}) => ({
  'stripe-signature': stripe.webhooks.generateTestHeaderString({
    payload,
    secret: STRIPE_SECRET,
    timestamp: nowSeconds(),
    ...options,
  }),
});

const elevenlabsHeader = (timestamp = nowSeconds(), secret = ELEVENLABS_SECRET) => {
  const hex = createHmac('sha256', secret).update(`${timestamp}.${payload}`).digest('hex');
  return { 'elevenlabs-signature': `t=${timestamp},v0=${hex}` };
};

const githubHeaders = (key = github, id = 'gh1', body = payload) => ({
  'Github-Public-Key-Identifier': id,
  'Github-Public-Key-Signature': signBytes('sha256', Buffer.from(body), key.privateKey).toString('base64'),
});

beforeAll(async () => {
  await resetNats();
  echo = await startEcho();
  keyServer = createServer((_request, response) => response.end(JSON.stringify({ public_keys: publicKeys })));
  await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
  keyServerUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`;
  gateway = await open();
});
afterAll(async () => {
  await gateway.close();
  await echo.close();
  keyServer.closeAllConnections();
  await new Promise((resolve) => keyServer.close(resolve));
});
beforeEach(() => {
  const key = github.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  publicKeys = [{ key_identifier: 'gh1', key, is_current: true }];
});

describe('a good signature', () => {
  test.each<[string, () => Record<string, string>]>([
    ['stripe', () => stripeHeader()],
    ['elevenlabs', () => elevenlabsHeader()],
    ['github', () => githubHeaders()],
  ])('of %s lets the body in as it was signed', async (name, headers) => {
    const answer = await post(name, headers());
    expect(answer).toMatchObject({
      status: 200,
      body: { principal: { kind: 'provider', provider: name }, body: payload },
    });
    expect(JSON.stringify(answer.body.headers)).not.toMatch(/signature|identifier/i);
  });

  test('is one of several while a secret is rotated', async () => {
    const good = stripeHeader()['stripe-signature'];
    const other = stripeHeader({ secret: 'whsec_the_old_one' })['stripe-signature'];
    const both = `${other},${good.split(',')[1]}`;
    expect((await post('stripe', { 'stripe-signature': both })).status).toBe(200);
  });

  test('of a new key of GitHub is known when it comes', async () => {
    const next = makeKey();
    const key = next.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    publicKeys = [{ key_identifier: 'gh2', key, is_current: true }];
    clock.advance(4);
    expect((await post('github', githubHeaders(next, 'gh2'))).status).toBe(200);
  });
});

describe('a bad signature', () => {
  test.each<[string, string, () => HeadersInit]>([
    ['another secret', 'stripe', () => stripeHeader({ secret: 'whsec_other' })],
    ['another body', 'stripe', () => stripeHeader({ payload: `${payload} ` })],
    ['too old', 'stripe', () => stripeHeader({ timestamp: nowSeconds() - 301 })],
    ['from the future', 'stripe', () => stripeHeader({ timestamp: nowSeconds() + 301 })],
    [
      'a new time on an old one',
      'stripe',
      () => {
        const old = stripeHeader({ timestamp: nowSeconds() - 400 })['stripe-signature'];
        return { 'stripe-signature': old.replace(/t=\d+/, `t=${nowSeconds()}`) };
      },
    ],
    ['two times', 'stripe', () => ({ 'stripe-signature': `t=1,${stripeHeader()['stripe-signature']}` })],
    [
      'another version',
      'stripe',
      () => ({ 'stripe-signature': stripeHeader()['stripe-signature'].replace('v1=', 'v0=') }),
    ],
    ['no header', 'stripe', () => ({})],
    ['an empty header', 'stripe', () => ({ 'stripe-signature': '' })],
    ['garbage', 'stripe', () => ({ 'stripe-signature': 'x'.repeat(5_000) })],
    ["another provider's", 'stripe', () => elevenlabsHeader()],
    ['another secret', 'elevenlabs', () => elevenlabsHeader(nowSeconds(), 'wsec_other')],
    ['too old', 'elevenlabs', () => elevenlabsHeader(nowSeconds() - 1_801)],
    ['another key', 'github', () => githubHeaders(makeKey())],
    ['an unknown key', 'github', () => githubHeaders(github, 'gh9')],
    ['a key id that is a path', 'github', () => githubHeaders(github, '../gh1')],
    ['another body', 'github', () => githubHeaders(github, 'gh1', '[]')],
    [
      'no key id',
      'github',
      () => ({ 'Github-Public-Key-Signature': githubHeaders()['Github-Public-Key-Signature'] }),
    ],
    ['no base64', 'github', () => ({ ...githubHeaders(), 'Github-Public-Key-Signature': '%%%' })],
  ])('%s (%s) reaches nobody', async (_what, name, headers) => {
    const before = echo.seen.length;
    expect((await post(name, headers())).status).toBe(401);
    expect(echo.seen.length).toBe(before);
  });

  test("takes nothing of the provider's limit", async () => {
    const first = await post('stripe', stripeHeader());
    for (let i = 0; i < 3; i += 1) await post('stripe', stripeHeader({ secret: 'whsec_other' }));
    const second = await post('stripe', stripeHeader());
    const left = (answer: typeof first) => Number(answer.headers.get('x-ratelimit-remaining'));
    expect(left(second)).toBe(left(first) - 1);
  });
});

test('a body that is too large is refused before it is signed for', async () => {
  expect((await post('stripe', stripeHeader(), Buffer.alloc(1024 * 1024 + 1))).status).toBe(413);
});

test('without a secret: 503 that says what to set', async () => {
  const without = await startGateway({ clock, routes, env: { PARTNER_SERVICE_URL: echo.url } });
  const answer = await post('stripe', stripeHeader(), payload, without);
  expect(answer).toMatchObject({
    status: 503,
    body: { detail: expect.stringContaining('STRIPE_WEBHOOK_SECRET') },
  });
  await without.close();
});

test('while GitHub cannot be asked: 503, and GitHub tries again', async () => {
  const away = await open({ SECRET_SCANNING_KEYS_URL: 'http://127.0.0.1:1/keys' });
  const answer = await post('github', githubHeaders(), payload, away);
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('5');
  await away.close();
});
