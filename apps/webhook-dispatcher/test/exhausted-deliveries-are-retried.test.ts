import { createManualClock, createUuidV7Ids, webhookRpcs } from '@switchboard/contracts';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeRequest, startTestDispatcher, type TestDispatcher, TRACEPARENT } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

let database: TestDatabase;
let dispatcher: TestDispatcher;
let receiver: Receiver;
let status = 500;
const clock = createManualClock();
const ids = createUuidV7Ids();

beforeAll(async () => {
  await resetNats();
  database = await createTestDatabase();
  receiver = await startReceiver((response) => {
    response.writeHead(status);
    response.end();
  });
  dispatcher = await startTestDispatcher({
    databaseUrl: database.urlFor('webhooks'),
    natsUrl: testNatsUrl(),
    clock,
    settings: { partnerScheduleSeconds: [0, 60] },
  });
});
afterAll(async () => {
  await dispatcher.close();
  await receiver.close();
  await database.drop();
});
beforeEach(() => {
  status = 500;
});

const attemptsOf = async (messageId: string) =>
  (await dispatcher.attempts()).filter((attempt) => attempt.message_id === messageId);
const deliveryOf = async (messageId: string) =>
  (await dispatcher.deliveries()).find((delivery) => delivery.message_id === messageId);
const untilAttempts = (messageId: string, count: number) =>
  waitFor(async () => (await attemptsOf(messageId)).length === count, { what: `${count} attempts` });
const eventsOf = async (messageId: string) =>
  (await dispatcher.emitted()).filter((event) => event.data.message_id === messageId);

/** A delivery that failed once and waits for the next step of its schedule. */
const failOnce = async () => {
  const request = makeRequest(receiver.url);
  await dispatcher.request(request);
  await untilAttempts(request.message_id, 1);
  return { messageId: request.message_id, id: String((await deliveryOf(request.message_id))?.id) };
};
/** Makes its next attempt due without moving the clock, so that others keep waiting. */
const exhaust = async () => {
  const one = await failOnce();
  await sql`UPDATE webhook_deliveries SET due_at = ${clock.now()} WHERE id = ${one.id}`.execute(
    dispatcher.ctx.db,
  );
  dispatcher.engine.poll();
  await untilAttempts(one.messageId, 2);
  return one;
};
const retry = async (...deliveryIds: string[]) =>
  (await dispatcher.bus.request(webhookRpcs.retry, { delivery_ids: deliveryIds }, { timeoutMs: 30_000 }))
    .deliveries;

test('an exhausted delivery is attempted once more, now, in its own trace, and is exhausted again when that fails', async () => {
  const { messageId, id } = await exhaust();
  expect(await retry(id)).toEqual([{ delivery_id: id, state: 'scheduled', attempt_number: 3 }]);
  await untilAttempts(messageId, 3);
  expect(await deliveryOf(messageId)).toMatchObject({ status: 'exhausted', attempt_count: 3, due_at: null });
  const traceId = TRACEPARENT.split('-')[1];
  expect(await eventsOf(messageId)).toMatchObject([
    { subject: 'webhooks.delivery.failed', data: { attempt_number: 1 } },
    { subject: 'webhooks.delivery.exhausted', data: { attempt_number: 2 } },
    {
      subject: 'webhooks.delivery.exhausted',
      data: { attempt_number: 3, delivery_id: id },
      traceparent: expect.stringContaining(String(traceId)),
    },
  ]);
  status = 200;
  await retry(id);
  await untilAttempts(messageId, 4);
  expect(await deliveryOf(messageId)).toMatchObject({ status: 'succeeded', attempt_count: 4 });
  const sent = receiver.received.filter(({ headers }) => headers['webhook-id'] === messageId);
  expect(new Set(sent.map(({ body }) => body.toString())).size).toBe(1);
  expect(sent.map(({ headers }) => headers['x-webhook-attempt'])).toEqual(['1', '2', '3', '4']);
});

test('one that waits keeps its time, one that arrived is not sent again, one that is unknown is said to be', async () => {
  const waiting = await failOnce();
  const before = await deliveryOf(waiting.messageId);
  const exhausted = await exhaust();
  status = 200;
  await retry(exhausted.id);
  await untilAttempts(exhausted.messageId, 3);
  const unknown = ids.next();
  expect(await retry(waiting.id, exhausted.id, unknown, exhausted.id)).toEqual([
    { delivery_id: waiting.id, state: 'waiting', attempt_number: 2 },
    { delivery_id: exhausted.id, state: 'succeeded', attempt_number: 3 },
    { delivery_id: unknown, state: 'unknown', attempt_number: 0 },
  ]);
  expect(await deliveryOf(waiting.messageId)).toEqual(before);
  expect(await attemptsOf(exhausted.messageId)).toHaveLength(3);
});

test('one whose body is gone, or may go within the hour, is not sent without it', async () => {
  const { messageId, id } = await exhaust();
  const age = (hours: number) =>
    sql`UPDATE webhook_messages SET created_at = ${new Date(clock.now().getTime() - hours * 3_600_000)}
        WHERE id = ${messageId}`.execute(dispatcher.ctx.db);
  await age(30 * 24 - 0.5);
  expect(await retry(id)).toEqual([{ delivery_id: id, state: 'expired', attempt_number: 2 }]);
  await age(1);
  await sql`UPDATE webhook_messages SET body = NULL WHERE id = ${messageId}`.execute(dispatcher.ctx.db);
  expect(await retry(id)).toEqual([{ delivery_id: id, state: 'expired', attempt_number: 2 }]);
  expect(await deliveryOf(messageId)).toMatchObject({ status: 'exhausted', attempt_count: 2 });
});
