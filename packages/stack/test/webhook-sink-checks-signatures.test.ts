import { createHmac } from 'node:crypto';
import { freePort } from '@switchboard/stack/testing';
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
