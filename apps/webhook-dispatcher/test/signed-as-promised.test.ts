import { deriveWebhookSecret, systemClock } from '@switchboard/contracts';
import { createIdTracing } from '@switchboard/service-kit';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSender } from '../src/domain/sending/send-attempt.ts';
import { createTargets, type Targets } from '../src/domain/sending/targets.ts';
import {
  awkwardBody,
  KEY_ID,
  makeDelivery,
  onUnexpected,
  testSign,
  WEBHOOK_SECRET,
} from './support/deliveries.ts';
import { guideVerifyWebhook } from './support/guide.ts';
import { type Received, type Receiver, startReceiver } from './support/receiver.ts';

let receiver: Receiver;
let targets: Targets;
const never = new AbortController().signal;
const secret = deriveWebhookSecret(WEBHOOK_SECRET, { keyId: KEY_ID, version: 1 });

beforeAll(async () => {
  receiver = await startReceiver();
  targets = createTargets({ allowPrivate: true, connectionsMax: 20 });
});
afterAll(async () => {
  await targets.close();
  await receiver.close();
});

const deliver = async (attemptNumber = 1): Promise<Received> => {
  const send = createSender({
    targets,
    clock: systemClock,
    tracing: createIdTracing(),
    onUnexpected,
    sign: testSign,
    timeoutMs: 30_000,
  });
  const result = await send(makeDelivery(receiver.url, { attemptNumber, messageId: 'job-1' }), never);
  expect(result).toMatchObject({ outcome: 'succeeded', error: null, answer: { status: 200, body: 'OK' } });
  const received = receiver.received.at(-1);
  if (!received) throw new Error('nothing was received');
  return received;
};

test("the guide's verifyWebhook accepts what a receiver parses and serialises again", async () => {
  const { headers, body } = await deliver();
  expect(body.toString()).toBe(awkwardBody);
  const signature = String(headers['x-partner-signature']);
  expect(guideVerifyWebhook(JSON.parse(body.toString()), signature, secret)).toBe(true);
  expect(guideVerifyWebhook({ ...JSON.parse(body.toString()), status: 'failed' }, signature, secret)).toBe(
    false,
  );
});

test('a secret of another key or version does not verify', async () => {
  const { headers, body } = await deliver();
  const other = deriveWebhookSecret(WEBHOOK_SECRET, { keyId: KEY_ID, version: 2 });
  expect(guideVerifyWebhook(JSON.parse(body.toString()), String(headers['x-partner-signature']), other)).toBe(
    false,
  );
});

test('libraries of Standard Webhooks verify it with the same secret', async () => {
  const { headers, body } = await deliver();
  const standard = new Webhook(secret);
  const signed = {
    'webhook-id': String(headers['webhook-id']),
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  };
  expect(standard.verify(body.toString(), signed)).toEqual(JSON.parse(awkwardBody));
  expect(() => standard.verify(`${body} `, signed)).toThrow();
});

test('headers say which message, which attempt, who sends and which trace', async () => {
  const { headers } = await deliver(3);
  expect(headers).toMatchObject({
    'x-webhook-id': 'job-1',
    'webhook-id': 'job-1',
    'x-webhook-attempt': '3',
    'content-type': 'application/json',
    'user-agent': 'Switchboard-Webhooks/1',
    'content-length': String(Buffer.byteLength(awkwardBody)),
  });
  expect(headers.traceparent).toMatch(
    /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
  );
});
