import { type Log, silentLog } from '@switchboard/bus';
import { createSecretBox, type SecretBox } from '@switchboard/service-kit';
import { waitFor } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resealSecrets } from '../src/domain/endpoints/reseal-secrets.ts';
import { createSigner } from '../src/domain/signing/create-signer.ts';
import { createSigningKeys } from '../src/domain/signing/signing-keys.ts';
import { type MadeEndpoint, startTestAdmin, type TestAdmin } from './support/admin.ts';
import { awkwardBody, ENCRYPTION_KEY, ids, WEBHOOK_SECRET } from './support/deliveries.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

const NEW_KEY = 'another-encryption-key-for-tests-of-enough-length';
const STRANGE_KEY = 'a-key-that-nobody-configured-of-enough-length-0';
const boxOf = (...keys: string[]): SecretBox => createSecretBox(keys, 'webhook endpoints');
const never = new AbortController().signal;

let service: TestAdmin;
let receiver: Receiver;
let endpoint: MadeEndpoint;
beforeAll(async () => {
  service = await startTestAdmin();
  receiver = await startReceiver();
  endpoint = await service.makeEndpoint(receiver.url, { headers: { 'x-token': 'of-the-receiver' } });
  await service.ask('POST', `/endpoints/${endpoint.id}/rotate`, { overlap_seconds: 3600 });
  await service.ask('GET', '/signing-keys');
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

/** The headers that a dispatcher with these keys sends. */
const signedBy = async (...keys: string[]): Promise<Record<string, string>> => {
  const [row] = await service.rows<{ secrets: string[]; headers: string }>(
    `SELECT e.headers_sealed AS headers, (SELECT array_agg(secret_sealed ORDER BY expires_at IS NOT NULL)
       FROM webhook_endpoint_secrets WHERE endpoint_id = e.id) AS secrets
     FROM webhook_endpoints e WHERE e.id = $1`,
    [endpoint.id],
  );
  const box = boxOf(...keys);
  const sign = createSigner({
    webhookSecret: WEBHOOK_SECRET,
    box,
    signingKeys: createSigningKeys(service.deps.data, box),
  });
  const signing = {
    profile: 'standard' as const,
    endpointId: endpoint.id,
    sequence: 1,
    secretsSealed: row?.secrets ?? [],
    headersSealed: row?.headers ?? null,
  };
  return sign(
    { messageId: ids.next(), signing, attemptNumber: 1 },
    { body: Buffer.from(awkwardBody), attemptedAt: new Date(), traceparent: '00-1-2-01' },
  );
};

const reseal = (box: SecretBox, log: Log = silentLog) =>
  resealSecrets({ db: service.deps.data.db, box, log }, never);

const logInto = (lines: unknown[]): Log => ({
  ...silentLog,
  error: (fields: unknown, words?: string) => lines.push([fields, words]),
});

test('what the key before encrypted is still read, and encrypted anew, until that key can be dropped', async () => {
  const before = await signedBy(NEW_KEY, ENCRYPTION_KEY);
  expect(before['webhook-signature']).toMatch(/^v1,\S+ v1,\S+ v1a,\S+$/);
  await expect(signedBy(NEW_KEY)).rejects.toThrow(
    "the endpoint's secret cannot be decrypted: WEBHOOK_ENCRYPTION_KEY has changed; rotate it",
  );

  // Two secrets, headers and the signing key.
  expect(await reseal(boxOf(NEW_KEY, ENCRYPTION_KEY))).toEqual({ resealed: 4, unreadable: 0 });
  expect(await reseal(boxOf(NEW_KEY, ENCRYPTION_KEY))).toEqual({ resealed: 0, unreadable: 0 });
  const after = await signedBy(NEW_KEY);
  expect(after['x-token']).toBe('of-the-receiver');
  expect(after['webhook-signature']).toMatch(/^v1,\S+ v1,\S+ v1a,\S+$/);
  expect(
    new Webhook(endpoint.secret).verify(awkwardBody, {
      'webhook-id': String(after['webhook-id']),
      'webhook-timestamp': String(after['webhook-timestamp']),
      'webhook-signature': String(after['webhook-signature']),
    }),
  ).toEqual(JSON.parse(awkwardBody));
});

test('what no key opens is said in the log by count and id, and is left as it is', async () => {
  const lines: unknown[] = [];
  const sealed = () => service.rows('SELECT secret_sealed FROM webhook_endpoint_secrets ORDER BY id');
  const before = await sealed();
  expect(await reseal(boxOf(STRANGE_KEY), logInto(lines))).toEqual({ resealed: 0, unreadable: 4 });
  expect(await sealed()).toEqual(before);
  expect(lines).toHaveLength(3);
  expect(JSON.stringify(lines)).toContain(
    'set WEBHOOK_ENCRYPTION_KEY_PREVIOUS to the key that encrypted them',
  );
  expect(JSON.stringify(lines)).toContain(endpoint.id);
});

test('deliveries whose secret cannot be read fail with words, follow their schedule, and hold up nobody', async () => {
  // The dispatcher still has the key of before, and what it is to read is encrypted with the new one.
  const healthy = await service.makeEndpoint(receiver.url);
  await service.publish(endpoint.owner);
  await service.publish(healthy.owner);
  const failed = await waitFor(
    async () => {
      const { body } = await service.ask('GET', `/endpoints/${endpoint.id}`);
      return body.health.last_error;
    },
    { what: 'the failure' },
  );
  expect(failed).toBe(
    "the endpoint's secret cannot be decrypted: WEBHOOK_ENCRYPTION_KEY has changed; rotate it",
  );
  await waitFor(() => receiver.received.length > 0, { what: "the other endpoint's message" });
  // The advice in it holds.
  await service.ask('PATCH', `/endpoints/${endpoint.id}`, { headers: {} });
  const rotated = await service.ask('POST', `/endpoints/${endpoint.id}/rotate`, { overlap_seconds: 0 });
  const messageId = await service.publish(endpoint.owner);
  const request = await waitFor(
    () => receiver.received.find(({ headers }) => headers['webhook-id'] === messageId),
    { what: 'the message after the rotation' },
  );
  new Webhook(rotated.body.secret).verify(request.body.toString(), {
    'webhook-id': messageId,
    'webhook-timestamp': String(request.headers['webhook-timestamp']),
    'webhook-signature': String(request.headers['webhook-signature']),
  });
});

test('a secret that was moved to another endpoint does not open there', async () => {
  const [victim, thief] = [
    await service.makeEndpoint(receiver.url),
    await service.makeEndpoint(receiver.url),
  ];
  await service.rows(
    `UPDATE webhook_endpoint_secrets SET secret_sealed = (
       SELECT secret_sealed FROM webhook_endpoint_secrets WHERE endpoint_id = $1)
     WHERE endpoint_id = $2`,
    [victim.id, thief.id],
  );
  await service.publish(victim.owner);
  await service.publish(thief.owner);
  const health = await waitFor(
    async () => {
      const { body } = await service.ask('GET', `/endpoints/${thief.id}`);
      return body.health.last_error;
    },
    { what: 'the failure' },
  );
  expect(health).toContain('cannot be decrypted');
});

test('an endpoint without a secret fails with words, and stops no other', async () => {
  const bare = await service.makeEndpoint(receiver.url);
  const healthy = await service.makeEndpoint(receiver.url);
  await service.rows('DELETE FROM webhook_endpoint_secrets WHERE endpoint_id = $1', [bare.id]);
  await service.publish(bare.owner);
  const messageId = await service.publish(healthy.owner);
  await waitFor(() => receiver.received.some(({ headers }) => headers['webhook-id'] === messageId), {
    what: "the other endpoint's message",
  });
  const lastError = await waitFor(
    async () => (await service.ask('GET', `/endpoints/${bare.id}`)).body.health.last_error,
    { what: 'the failure' },
  );
  expect(lastError).toBe('the endpoint has no secret; rotate it');
});

test('processes that need the first signing key at the same time make one', async () => {
  await service.rows('DELETE FROM webhook_signing_keys');
  const processes = Array.from({ length: 5 }, () =>
    createSigningKeys(service.deps.data, boxOf(ENCRYPTION_KEY)),
  );
  const keys = await Promise.all(processes.map((each) => each.live()));
  expect(new Set(keys.map(([first]) => first?.id)).size).toBe(1);
  expect(keys.every((each) => each.length === 1)).toBe(true);
});
