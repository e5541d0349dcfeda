import { createPublicKey, verify } from 'node:crypto';
import type { PublicJwk } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSigningKeys } from '../src/domain/signing/signing-keys.ts';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { awkwardBody } from './support/deliveries.ts';
import { type Received, type Receiver, startReceiver } from './support/receiver.ts';

const JWKS = '/.well-known/webhooks/jwks.json';

/** How far the service's clock is ahead. */
let aheadMs = 0;
let service: TestAdmin;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestAdmin({ clock: { now: () => new Date(Date.now() + aheadMs) } });
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const received = async (messageId: string): Promise<Received> =>
  waitFor(async () => receiver.received.find(({ headers }) => headers['webhook-id'] === messageId), {
    what: 'the message',
  });

const deliver = async (endpoint: MadeEndpoint): Promise<Received> =>
  received(await service.publish(endpoint.owner));

const signedHeaders = ({ headers }: Received): Record<string, string> => ({
  'webhook-id': String(headers['webhook-id']),
  'webhook-timestamp': String(headers['webhook-timestamp']),
  'webhook-signature': String(headers['webhook-signature']),
});

/** What verifiers that nobody here wrote say of it. */
const verdicts = (request: Received, secret: string): boolean[] =>
  [new Webhook(secret), new SvixWebhook(secret)].map((verifier) => {
    try {
      verifier.verify(request.body.toString(), signedHeaders(request));
      return true;
    } catch {
      return false;
    }
  });

const keySet = async (): Promise<PublicJwk[]> => {
  const { status, body } = await service.call(undefined, 'GET', JWKS);
  expect(status).toBe(200);
  return body.keys;
};

/** Which keys of a set made one of the v1a signatures. */
const signersOf = (request: Received, keys: readonly PublicJwk[]): string[] => {
  const headers = signedHeaders(request);
  const content = Buffer.concat([
    Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`),
    request.body,
  ]);
  const signatures = String(headers['webhook-signature'])
    .split(' ')
    .filter((part) => part.startsWith('v1a,'))
    .map((part) => Buffer.from(part.slice(4), 'base64'));
  return keys
    .filter((jwk) => {
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      return signatures.some((signature) => verify(null, content, key, signature));
    })
    .map(({ kid }) => kid);
};

const rotate = async (endpoint: MadeEndpoint, overlapSeconds: number): Promise<string> => {
  const { status, body } = await service.ask('POST', `/endpoints/${endpoint.id}/rotate`, {
    overlap_seconds: overlapSeconds,
  });
  expect(status).toBe(200);
  return body.secret;
};

test('libraries of Standard Webhooks verify what an endpoint got, with Hebrew, floats and empty objects in it', async () => {
  const endpoint = await service.makeEndpoint(receiver.url);
  const request = await deliver(endpoint);
  expect(request.body.toString()).toBe(awkwardBody);
  expect(verdicts(request, endpoint.secret)).toEqual([true, true]);
  const other = await service.makeEndpoint(receiver.url);
  expect(verdicts(request, other.secret)).toEqual([false, false]);
  expect(verdicts({ ...request, body: Buffer.from(`${request.body} `) }, endpoint.secret)).toEqual([
    false,
    false,
  ]);
});

test('headers say which message and number it is and who sends it, and carry what the endpoint wants', async () => {
  const headers = { Authorization: 'Bearer of-the-receiver', 'x-tenant': 'a b' };
  const endpoint = await service.makeEndpoint(receiver.url, { headers });
  await deliver(endpoint);
  const request = await deliver(endpoint);
  expect(request.headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'Switchboard-Webhooks/1',
    'webhook-sequence': '2',
    authorization: 'Bearer of-the-receiver',
    'x-tenant': 'a b',
    'content-length': String(Buffer.byteLength(awkwardBody)),
  });
  expect(request.headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1a,[A-Za-z0-9+/]{86}==$/);
  expect(request.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(Object.keys(request.headers)).not.toContain('x-partner-signature');
});

test('during a rotation both secrets verify, and one that ended does not', async () => {
  const endpoint = await service.makeEndpoint(receiver.url);
  const second = await rotate(endpoint, 3600);
  const during = await deliver(endpoint);
  expect(verdicts(during, endpoint.secret)).toEqual([true, true]);
  expect(verdicts(during, second)).toEqual([true, true]);
  const third = await rotate(endpoint, 0);
  const after = await deliver(endpoint);
  expect(verdicts(after, third)).toEqual([true, true]);
  expect(verdicts(after, second)).toEqual([false, false]);
  // Its own overlap goes on.
  expect(verdicts(after, endpoint.secret)).toEqual([true, true]);
  await service.rows(
    `UPDATE webhook_endpoint_secrets SET expires_at = now() WHERE endpoint_id = $1 AND expires_at > now()`,
    [endpoint.id],
  );
  expect(verdicts(await deliver(endpoint), endpoint.secret)).toEqual([false, false]);
});

test('a retry has the same id, number, body and headers, and a time and signature of its own', async () => {
  const failing = await startReceiver((response, _request, number) => {
    response.statusCode = number === 1 ? 500 : 200;
    response.end();
  });
  try {
    const endpoint = await service.makeEndpoint(failing.url, {
      // Even 20 % sooner it is another second.
      schedule_seconds: [0, 1.3],
      headers: { 'x-tenant': 'one' },
    });
    await service.publish(endpoint.owner);
    const [first, second] = await waitFor(async () => failing.received.length >= 2 && failing.received, {
      what: 'the retry',
    });
    if (!first || !second) throw new Error('nothing was received');
    const stable = ({ headers, body }: Received) => {
      const {
        'webhook-timestamp': _time,
        'webhook-signature': _signature,
        traceparent: _trace,
        ...rest
      } = headers;
      return { rest, body: body.toString() };
    };
    expect(stable(second)).toEqual(stable(first));
    expect(second.headers['webhook-timestamp']).not.toBe(first.headers['webhook-timestamp']);
    expect(verdicts(second, endpoint.secret)).toEqual([true, true]);
  } finally {
    await failing.close();
  }
});

test('the key set verifies ed25519 signatures; after a rotation old and new key sign side by side until the overlap ends', async () => {
  const endpoint = await service.makeEndpoint(receiver.url);
  const [first, ...none] = await keySet();
  expect(none).toEqual([]);
  if (!first) throw new Error('the key set is empty');
  expect(signersOf(await deliver(endpoint), [first])).toEqual([first.kid]);

  // The answer may get lost: asked for again with the same key, it is the same rotation.
  const headers = { 'idempotency-key': 'rotation-1' };
  const rotate = () =>
    service.call(service.superAdmin, 'POST', '/api/admin/v1/webhooks/signing-keys/rotate', {
      body: { overlap_seconds: 3600 },
      headers,
    });
  const rotated = await rotate();
  expect(rotated).toMatchObject({ status: 200, body: { expires_at: null } });
  expect((await rotate()).body).toEqual(rotated.body);
  const both = await keySet();
  expect(both.map(({ kid }) => kid)).toEqual([rotated.body.id, first.kid]);
  expect(rotated.body.public_key).toBe(
    `whpk_${Buffer.from(String(both[0]?.x), 'base64url').toString('base64')}`,
  );
  const during = await deliver(endpoint);
  expect(signersOf(during, both)).toEqual([rotated.body.id, first.kid]);
  // Whoever kept the key set from before still finds a signature of a key in it.
  expect(signersOf(during, [first])).toEqual([first.kid]);
  expect(verdicts(during, endpoint.secret)).toEqual([true, true]);

  await service.rows('UPDATE webhook_signing_keys SET expires_at = now() WHERE id = $1', [first.kid]);
  service.dispatcher.signingKeys.forget();
  expect((await keySet()).map(({ kid }) => kid)).toEqual([rotated.body.id]);
  expect(signersOf(await deliver(endpoint), both)).toEqual([rotated.body.id]);
});

test('the key set may be kept for minutes and needs no credential; keys are listed for administrators and rotated by the highest alone', async () => {
  const answer = await service.call(undefined, 'GET', JWKS);
  expect(answer.headers['cache-control']).toBe('public, max-age=300');
  expect(JSON.stringify(answer.body)).not.toContain('"d"');
  const listed = await service.ask('GET', '/signing-keys');
  expect(listed.body.signing_keys.map(({ id }: { id: string }) => id)).toEqual(
    answer.body.keys.map(({ kid }: { kid: string }) => kid),
  );
  expect((await service.ask('POST', '/signing-keys/rotate', {})).status).toBe(403);
  const acts = await service.events('webhooks.admin.acted');
  expect(acts.filter(({ action }) => action === 'webhook_signing_key.rotate')).toHaveLength(1);
});

test('a rotation in one process is seen by the others within seconds, and at most five old keys sign beside the new one', async () => {
  const other = createSigningKeys(service.deps.data, service.deps.box);
  const before = await other.live();
  const rotate = () =>
    service.call(service.superAdmin, 'POST', '/api/admin/v1/webhooks/signing-keys/rotate', {
      body: { overlap_seconds: 604_800 },
    });
  const answers = await Promise.all(Array.from({ length: 6 }, rotate));
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  const published = (await keySet()).map(({ kid }) => kid);
  expect(published).toHaveLength(6);
  expect(new Set(answers.map(({ body }) => body.id))).toEqual(new Set(published));

  expect(await other.live()).toEqual(before);
  aheadMs = 16_000;
  await waitFor(async () => (await other.live())[0]?.id === published[0], { what: 'the new key' });
  expect((await other.live()).map(({ id }) => id)).toEqual(published);
});

test('a rotation counts for the next signature though the keys of before are being read just then', async () => {
  const mayArrive = Promise.withResolvers<void>();
  const hasRead = Promise.withResolvers<void>();
  const { data, box } = service.deps;
  const slowly = data.db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      hasRead.resolve();
      await mayArrive.promise;
      return result;
    },
  });
  const ctx = new Proxy(data, { get: (of, name) => (name === 'db' ? slowly : Reflect.get(of, name, of)) });
  const keys = createSigningKeys(ctx, box);
  const before = keys.live();
  await hasRead.promise;
  const rotated = await service.call(
    service.superAdmin,
    'POST',
    '/api/admin/v1/webhooks/signing-keys/rotate',
    {
      body: {},
    },
  );
  keys.forget();
  const after = keys.live();
  mayArrive.resolve();
  expect((await before)[0]?.id).not.toBe(rotated.body.id);
  expect((await after)[0]?.id).toBe(rotated.body.id);
  expect((await keys.live())[0]?.id).toBe(rotated.body.id);
});
