import { startService, type TestService, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from './support/platform.ts';

/*
 * Two gateways, real services: what an administrator ends, or a person signs out of, stops on both within a second; and
 * with NATS away, when what the gateways remember has run out.
 */
const REMEMBERED_SECONDS = 3;
/** Between a change and the last gateway that hears of it. The promise is one second; the machine may be busy. */
const HEARD_WITHIN_MS = 5_000;

let platform: Platform;
let second: TestService;
let gateways: readonly string[];
beforeAll(async () => {
  const env = { CREDENTIAL_CACHE_SECONDS: '300', CREDENTIAL_STALE_SECONDS: '300' };
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
  expect(await everywhere(USER, bearer(user.accessToken))).toEqual([200, 200]);
  await fetch(`${platform.gatewayUrl}/auth/v1/logout?scope=local`, {
    method: 'POST',
    headers: { ...bearer(user.accessToken), apikey: platform.anonKey },
  });
  await untilRefused(USER, bearer(user.accessToken));
});

test('a disabled user is out at once, and a demoted administrator is none any more', async () => {
  const user = await platform.createUser({ role: 'user' });
  expect(await everywhere(USER, bearer(user.accessToken))).toEqual([200, 200]);
  await admin('POST', `/users/${user.id}/disable`);
  await untilRefused(USER, bearer(user.accessToken));

  const second = await platform.createUser({ role: 'admin' });
  expect(await everywhere('/api/admin/v1/users', bearer(second.accessToken))).toEqual([200, 200]);
  await admin('PATCH', `/users/${second.id}`, { role: 'user' });
  await untilRefused('/api/admin/v1/users', bearer(second.accessToken), 403);
});

test('a revoked partner key and a rotated secret without overlap stop', async () => {
  const key = await platform.createKey();
  const pair = { ...bearer(key.key), 'x-api-secret': key.secret };
  expect(await everywhere(PARTNER, pair)).toEqual([200, 200]);
  const rotated = await admin('POST', `/partner-keys/${key.keyId}/rotate`, { overlap_seconds: 0 });
  await untilRefused(PARTNER, pair);
  const fresh = { ...bearer(key.key), 'x-api-secret': rotated.api_secret ?? '' };
  expect(await everywhere(PARTNER, fresh)).toEqual([200, 200]);
  await admin('POST', `/partner-keys/${key.keyId}/revoke`);
  await untilRefused(PARTNER, fresh);
});

test('a regenerated and a disabled integration token stop, and an enabled one works again', async () => {
  const made = await platform.createIntegrationToken();
  expect(await everywhere(TICKETS, bearer(made.token))).toEqual([200, 200]);
  const { token = '' } = await admin('POST', `/integration-tokens/${made.id}/regenerate`);
  await untilRefused(TICKETS, bearer(made.token));
  expect(await everywhere(TICKETS, bearer(token))).toEqual([200, 200]);
  await admin('POST', `/integration-tokens/${made.id}/disable`);
  await untilRefused(TICKETS, bearer(token));
  await admin('POST', `/integration-tokens/${made.id}/enable`);
  await waitFor(async () => (await everywhere(TICKETS, bearer(token))).every((status) => status === 200), {
    what: 'the enabled token to work on both gateways',
    timeoutMs: HEARD_WITHIN_MS,
  });
});

test('with NATS away a revoked credential stops when what the gateways remember has run out', async () => {
  const short = {
    CREDENTIAL_CACHE_SECONDS: '1',
    CREDENTIAL_STALE_SECONDS: String(REMEMBERED_SECONDS - 1),
  };
  await Promise.all([platform.services.gateway.restart(short), second.restart(short)]);
  await Promise.all([platform.services.gateway.waitReady(), second.waitReady()]);
  const key = await platform.createKey();
  const pair = { ...bearer(key.key), 'x-api-secret': key.secret };
  expect(await everywhere(PARTNER, pair)).toEqual([200, 200]);
  await platform.nats.kill();
  await platform.query('update partner_api_keys set is_active = false where id = $1', [key.keyId]);
  // Nobody can be asked any more: 503, not a yes out of an old memory.
  await untilRefused(PARTNER, pair, 503);
  await platform.nats.restart();
}, 120_000);
