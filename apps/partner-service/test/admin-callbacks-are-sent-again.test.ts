import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { retryFailedWebhooks } from '../src/domain/administration/retry-failed-webhooks.ts';
import { type Callbacks, startCallbacks } from './support/callbacks.ts';
import { type MadeKey, startTestPartner, superAdmin, type TestPartner } from './support/partner.ts';

let partner: TestPartner;
let callbacks: Callbacks;
let key: MadeKey;
let ids: { companyId: string; agentId: string };

beforeAll(async () => {
  partner = await startTestPartner({ consumers: true, allowPrivateTargets: true });
  callbacks = await startCallbacks(partner);
  key = await partner.makeKey();
  ids = await partner.makeCompany(key);
});
afterAll(async () => {
  await callbacks.close();
  await partner.close();
});

const retryOne = (deliveryId: string) => partner.admin('POST', `/partner-keys/webhooks/${deliveryId}/retry`);
const retryAll = (keyId = key.keyId) => partner.admin('POST', `/partner-keys/${keyId}/webhooks/retry-failed`);
const untilAttempts = (jobId: string, count: number) =>
  waitFor(async () => (await callbacks.attemptsOf(jobId)).length === count, {
    what: `${count} attempts in the log`,
  });
const receivedOf = (jobId: string) =>
  callbacks.received.filter(({ headers }) => headers['x-webhook-id'] === jobId);

it('one that was given up is sent once more: same id, same bytes, the next number; and not when it has arrived', async () => {
  const { jobId, deliveryId } = await callbacks.giveUpOne(key, ids);
  callbacks.answer((response) => response.end('OK'));
  expect(await retryOne(deliveryId)).toMatchObject({
    status: 200,
    body: { delivery_id: deliveryId, status: 'scheduled', attempt_number: 2 },
  });
  await untilAttempts(jobId, 2);
  const [first, second] = receivedOf(jobId);
  expect(second?.body).toBe(first?.body);
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.headers['x-partner-signature']).toBe(first?.headers['x-partner-signature']);
  expect([first, second].map((one) => one?.headers['x-webhook-attempt'])).toEqual(['1', '2']);
  const log = await partner.admin('GET', `/partner-keys/${key.keyId}/webhooks?job_id=${jobId}`);
  expect(log.body.webhooks).toMatchObject([
    { attempt_number: 2, success: true, http_status: 200, delivery_id: deliveryId, job_id: jobId },
    { attempt_number: 1, success: false, http_status: 500, error_message: 'HTTP 500', next_attempt_at: null },
  ]);
  const failed = await partner.admin(
    'GET',
    `/partner-keys/${key.keyId}/webhooks?job_id=${jobId}&success=false`,
  );
  expect(failed.body.webhooks).toMatchObject([{ attempt_number: 1 }]);

  expect(await retryOne(deliveryId)).toMatchObject({ body: { status: 'succeeded', attempt_number: 2 } });
  expect(receivedOf(jobId)).toHaveLength(2);
});

it('asked for many times at once it is sent once', async () => {
  const { jobId, deliveryId } = await callbacks.giveUpOne(key, ids);
  const open: (() => void)[] = [];
  callbacks.answer((response) => void open.push(() => response.end('OK')));
  const answers = await Promise.all(Array.from({ length: 8 }, () => retryOne(deliveryId)));
  expect(answers.map((answer) => answer.body.status).toSorted()).toEqual([
    'scheduled',
    ...Array(7).fill('waiting'),
  ]);
  expect(new Set(answers.map((answer) => answer.body.attempt_number))).toEqual(new Set([2]));
  await waitFor(() => open.length > 0, { what: 'the attempt' });
  for (const end of open) end();
  await untilAttempts(jobId, 2);
  expect(receivedOf(jobId)).toHaveLength(2);
});

it('all of a key are sent once more, what became of them is counted, and those of other keys are left alone', async () => {
  const other = await partner.makeKey();
  const theirs = await callbacks.giveUpOne(other, ids);
  const ours = [
    await callbacks.giveUpOne(key, ids),
    await callbacks.giveUpOne(key, ids),
    await callbacks.giveUpOne(key, ids),
  ];
  const broken = ours[1]?.jobId;
  callbacks.answer((response, { headers }) => {
    response.writeHead(headers['x-webhook-id'] === broken ? 503 : 200).end();
  });
  expect(await retryAll()).toMatchObject({
    status: 200,
    body: { total: 3, successful: 2, failed: 1, pending: 0, has_more: false },
  });
  expect(await callbacks.attemptsOf(theirs.jobId)).toHaveLength(1);
  callbacks.answer((response) => response.end('OK'));
  expect((await retryAll()).body).toMatchObject({ total: 1, successful: 1, failed: 0 });
  expect((await callbacks.attemptsOf(String(broken))).map((one) => one.success)).toEqual([
    false,
    false,
    true,
  ]);
  expect((await retryAll()).body).toMatchObject({ total: 0, successful: 0, failed: 0 });
  expect((await retryAll(other.keyId)).body).toMatchObject({ total: 1, successful: 1 });
});

it('those that take longer than anybody waits are pending, and in the log later', async () => {
  const { jobId } = await callbacks.giveUpOne(key, ids);
  const open: (() => void)[] = [];
  callbacks.answer((response) => void open.push(() => response.end('OK')));
  const ctx = { principal: superAdmin, caller: { ip: null, userAgent: null }, requestId: 'req' };
  expect(await retryFailedWebhooks(partner.data, partner.bus, ctx, { keyId: key.keyId, waitMs: 1 })).toEqual({
    total: 1,
    successful: 0,
    failed: 0,
    pending: 1,
    hasMore: false,
  });
  await waitFor(() => open.length > 0, { what: 'the attempt' });
  for (const end of open) end();
  await untilAttempts(jobId, 2);
});

it('what a callback said may be kept no longer; without a dispatcher the answer is 503', async () => {
  const { deliveryId } = await callbacks.giveUpOne(key, ids);
  const { rowCount } = await partner.owner.query(
    `UPDATE webhooks.webhook_messages SET body = NULL
     WHERE id = (SELECT message_id FROM webhooks.webhook_deliveries WHERE id = $1)`,
    [deliveryId],
  );
  expect(rowCount).toBe(1);
  const expired = await retryOne(deliveryId);
  expect(expired).toMatchObject({ status: 404, body: { code: 'DELIVERY_NOT_FOUND' } });
  expect((await retryAll()).body).toMatchObject({ total: 1, successful: 0, failed: 1, pending: 0 });
  await callbacks.dispatcher.stop(60_000);
  expect(await retryOne(deliveryId)).toMatchObject({ status: 503, body: { code: 'SERVICE_UNAVAILABLE' } });
  expect(await retryAll()).toMatchObject({ status: 503 });
});
