import { createHmac } from 'node:crypto';
import { freePort } from '@switchboard/stack/testing';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { type ReceivedCallback, startWebhookSink } from '../src/demo/webhook-sink.ts';

test('the sink takes what a known secret signed and turns away everything else', async () => {
  const seen: ReceivedCallback[] = [];
  const sink = await startWebhookSink({
    port: await freePort(),
    secrets: { sandbox: 'whsec_one', production: 'whsec_two' },
    onCallback: (callback) => seen.push(callback),
  });
  const body = '{"job_id":"j1","status":"completed"}';
  const post = (signature: string) =>
    fetch(sink.url, {
      method: 'POST',
      body,
      headers: { 'x-partner-signature': signature, 'x-webhook-id': 'j1' },
    });
  const sign = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');

  expect((await post(sign('whsec_two'))).status).toBe(200);
  expect((await post(sign('whsec_three'))).status).toBe(401);
  expect((await post('')).status).toBe(401);
  expect(seen.map((callback) => callback.signedBy)).toEqual(['production', undefined, undefined]);
  expect((await sink.waitForJob('j1', 1_000)).body).toBe(body);
  await sink.stop();
});

test('a webhook of an endpoint is checked as Standard Webhooks says, once the sink is told its secret', async () => {
  const sink = await startWebhookSink({ port: await freePort(), secrets: {}, onCallback: () => undefined });
  const secret = 'whsec_BgjhAX8eRSA/PjhkCwyD8F3+V+Xwokl0Ex93MV/zMI8=';
  const post = async (body: string, sentAt: Date, signed = body) => {
    const response = await fetch(new URL('/webhooks', sink.url), {
      method: 'POST',
      body,
      headers: {
        'webhook-id': 'm1',
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
        // Of another key, and of another scheme: a receiver looks at all of them.
        'webhook-signature': `v1a,AAAA v1,AAAA ${new Webhook(secret).sign('m1', sentAt, signed)}`,
      },
    });
    return response.status;
  };
  const [now, body] = [new Date(), '{"type":"webhook.test","data":{"שלום":1.0}}'];
  expect(await post(body, now)).toBe(401);
  sink.trust('demo endpoint', secret);
  expect(await post(body, now)).toBe(200);
  expect(await post(`${body} `, now, body)).toBe(401);
  expect(await post(body, new Date(now.getTime() - 600_000))).toBe(401);
  await sink.stop();
});
