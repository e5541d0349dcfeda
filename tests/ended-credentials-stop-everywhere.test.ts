import { startService, type TestService, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * Two gateways, real services: what an administrator ends, or a person signs out of, stops on both within a second; and
 * with NATS away, when what the gateways remember has run out.
 */
const REMEMBERED_SECONDS = 3;
/** Long enough for a machine that stands still, and far less than what is remembered of a credential. */
const HEARD_WITHIN_MS = 45_000;
/** What is refused here is refused for what it is, not for how often. */
const NO_LIMIT = { CREDENTIAL_REFUSALS_PER_MINUTE: '100000' };

let platform: Platform;
let second: TestService;
let gateways: readonly string[];
beforeAll(async () => {
  const env = { ...NO_LIMIT, CREDENTIAL_CACHE_SECONDS: '300', CREDENTIAL_STALE_SECONDS: '300' };
  platform = await startPlatform({ gateway: env }, { without: ['ai-service', 'webhook-dispatcher'] });
  second = await startService('gateway', { ...platform.environmentOf('gateway'), ...env });
  await second.waitReady();
  gateways = [platform.gatewayUrl, second.url];
}, 180_000);
afterAll(async () => {
  await second?.stop();
  await platform?.stop();
});

type Headers = Readonly<Record<string, string>>;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });
const statusAt = async (url: string, path: string, headers: Headers): Promise<number> => {
  const answer = await fetch(url + path, { headers });
  await answer.body?.cancel();
  return answer.status;
};
const everywhere = async (path: string, headers: Headers): Promise<number[]> =>
  Promise.all(gateways.map((url) => statusAt(url, path, headers)));
const admin = async (method: string, path: string, body: object = {}): Promise<Record<string, string>> => {
  const answer = await fetch(`${platform.gatewayUrl}/api/admin/v1${path}`, {
    method,
    headers: { ...bearer(await platform.admin()), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? {} : ((await answer.json()) as Record<string, string>);
};
/** Asked for the first time: whoever knows the credential may stand still for a moment, which is 503. */
const expectTaken = async (path: string, headers: Headers): Promise<void> => {
  const statuses = await waitFor(
    async () => {
      const found = await everywhere(path, headers);
      return !found.includes(503) && found;
    },
    { what: `${path} to be answered by both gateways` },
  );
  expect(statuses).toEqual([200, 200]);
};
const untilRefused = (path: string, headers: Headers, status = 401) =>
  waitFor(async () => (await everywhere(path, headers)).every((found) => found === status), {
    what: `${path} to be ${status} on both gateways`,
    timeoutMs: HEARD_WITHIN_MS,
    intervalMs: 50,
  });

const USER = '/api/v1/auth/user';
const TICKETS = '/functions/v1/integration-tickets';
const PARTNER = '/api/partner/v1/health';

test('a sign-out ends the access token on every gateway', async () => {
  const user = await platform.createUser({ role: 'user' });
  await expectTaken(USER, bearer(user.accessToken));
  await fetch(`${platform.gatewayUrl}/auth/v1/logout?scope=local`, {
    method: 'POST',
    headers: { ...bearer(user.accessToken), apikey: platform.anonKey },
  });
  await untilRefused(USER, bearer(user.accessToken));
}, 120_000);

test('a disabled user is out at once, and a demoted administrator is none any more', async () => {
  const user = await platform.createUser({ role: 'user' });
  await expectTaken(USER, bearer(user.accessToken));
  await admin('POST', `/users/${user.id}/disable`);
  await untilRefused(USER, bearer(user.accessToken));

  const second = await platform.createUser({ role: 'admin' });
  await expectTaken('/api/admin/v1/users', bearer(second.accessToken));
  await admin('PATCH', `/users/${second.id}`, { role: 'user' });
  await untilRefused('/api/admin/v1/users', bearer(second.accessToken), 403);
}, 180_000);

test('a revoked partner key and a rotated secret without overlap stop', async () => {
  const key = await platform.createKey();
  const pair = { ...bearer(key.key), 'x-api-secret': key.secret };
  await expectTaken(PARTNER, pair);
  const rotated = await admin('POST', `/partner-keys/${key.keyId}/rotate`, { overlap_seconds: 0 });
  await untilRefused(PARTNER, pair);
  const fresh = { ...bearer(key.key), 'x-api-secret': rotated.api_secret ?? '' };
  await expectTaken(PARTNER, fresh);
  await admin('POST', `/partner-keys/${key.keyId}/revoke`);
  await untilRefused(PARTNER, fresh);
}, 180_000);

test('a regenerated and a disabled integration token stop, and an enabled one works again', async () => {
  const made = await platform.createIntegrationToken();
  await expectTaken(TICKETS, bearer(made.token));
  const { token = '' } = await admin('POST', `/integration-tokens/${made.id}/regenerate`);
  await untilRefused(TICKETS, bearer(made.token));
  await expectTaken(TICKETS, bearer(token));
  await admin('POST', `/integration-tokens/${made.id}/disable`);
  await untilRefused(TICKETS, bearer(token));
  await admin('POST', `/integration-tokens/${made.id}/enable`);
  await waitFor(async () => (await everywhere(TICKETS, bearer(token))).every((status) => status === 200), {
    what: 'the enabled token to work on both gateways',
    timeoutMs: HEARD_WITHIN_MS,
  });
}, 240_000);

test('with NATS away a revoked credential stops when what the gateways remember has run out', async () => {
  const short = {
    CREDENTIAL_CACHE_SECONDS: '1',
    CREDENTIAL_STALE_SECONDS: String(REMEMBERED_SECONDS - 1),
  };
  await Promise.all([platform.services.gateway.restart(short), second.restart(short)]);
  await Promise.all([platform.services.gateway.waitReady(), second.waitReady()]);
  const key = await platform.createKey();
  const pair = { ...bearer(key.key), 'x-api-secret': key.secret };
  await expectTaken(PARTNER, pair);
  await platform.nats.kill();
  await platform.query('update partner_api_keys set is_active = false where id = $1', [key.keyId]);
  // Nobody can be asked any more: 503, not a yes out of an old memory.
  await untilRefused(PARTNER, pair, 503);
  await platform.nats.restart();
}, 240_000);
