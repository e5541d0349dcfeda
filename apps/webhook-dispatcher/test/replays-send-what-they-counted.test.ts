import { testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MadeEndpoint, startTestAdmin, type TestAdmin, userOf, WEBHOOKS } from './support/admin.ts';
import { awkwardBody, ids, KEY_ID } from './support/deliveries.ts';
import { startTestDispatcher, type TestDispatcher } from './support/dispatcher.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { type Filling, fillDeliveries } from './support/rows.ts';

let service: TestAdmin;
let other: TestDispatcher;
let receiver: Receiver;
let statusOf: (messageId: string) => number = () => 200;

beforeAll(async () => {
  service = await startTestAdmin();
  other = await startTestDispatcher({ databaseUrl: service.urls.webhooks, natsUrl: testNatsUrl() });
  receiver = await startReceiver((response, { headers }) => {
    response.writeHead(statusOf(String(headers['webhook-id'])));
    response.end();
  });
});
afterAll(async () => {
  await other.close();
  await service.close();
  await receiver.close();
});

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS);
const fill = (filling: Filling) => fillDeliveries(service.rows, filling);
const makeEndpoint = (fields = {}) =>
  service.makeEndpoint(receiver.url, { schedule_seconds: [0], ...fields });
const messagesOf = async (endpoint: MadeEndpoint, status: string) =>
  (
    await service.rows<{ message_id: string }>(
      'SELECT message_id FROM webhook_deliveries WHERE endpoint_id = $1 AND status = $2 ORDER BY created_at',
      [endpoint.id, status],
    )
  ).map((row) => row.message_id);
const deliveriesOf = async (endpoint: MadeEndpoint) =>
  (await service.ask('GET', `/deliveries?endpoint_id=${endpoint.id}`)).body.deliveries;
const receivedOf = (messageIds: readonly string[]) =>
  receiver.received.filter(({ headers }) => messageIds.includes(String(headers['webhook-id'])));
const replayOf = async (id: string) => (await service.ask('GET', `/replays/${id}`)).body;
const untilOver = async (id: string) => {
  await waitFor(async () => (await replayOf(id)).status !== 'running', {
    what: 'the end of the replay',
  });
  return replayOf(id);
};
const actsOn = async (id: string) =>
  (await service.events('webhooks.admin.acted')).filter(({ target }) => target.id === id);

test('two dispatchers send what the dry run counted, once, with the old ids and bytes, and the counts are exact', async () => {
  const endpoint = await makeEndpoint();
  await fill({ count: 3, status: 'succeeded', from: hoursAgo(3), endpointId: endpoint.id });
  await fill({ count: 120, status: 'exhausted', from: hoursAgo(2), endpointId: endpoint.id, sequence: 10 });
  await fill({
    count: 4,
    status: 'exhausted',
    from: hoursAgo(1),
    endpointId: endpoint.id,
    sequence: 200,
    body: null,
  });
  // As if their bodies had gone with the others of their age.
  await service.rows(
    `UPDATE webhook_messages SET created_at = created_at - interval '31 days' WHERE body IS NULL`,
  );
  await service.rows(
    `UPDATE webhook_deliveries SET created_at = created_at - interval '31 days' WHERE sequence >= 200`,
  );
  const exhausted = await messagesOf(endpoint, 'exhausted');
  const fails = new Set(exhausted.slice(50, 53));
  statusOf = (id) => (fails.has(id) ? 500 : 200);

  const wanted = { endpoint_id: endpoint.id, rate_per_second: 100 };
  expect(await service.ask('POST', '/replays', { ...wanted, dry_run: true })).toMatchObject({
    status: 200,
    body: { dry_run: true, total: 124, expired: 4 },
  });
  const key = { 'x-idempotency-key': ids.next() };
  const [made, again] = await Promise.all([
    service.ask('POST', '/replays', wanted, key),
    service.ask('POST', '/replays', wanted, key),
  ]);
  expect(again.body).toEqual(made.body);
  expect(made).toMatchObject({
    status: 202,
    headers: { location: `${WEBHOOKS}/replays/${made.body.id}` },
    body: { kind: 'replay', status: 'running', total: 124, filter: { statuses: ['exhausted'] } },
  });
  expect((await service.ask('POST', '/replays', { ...wanted, rate_per_second: 99 }, key)).status).toBe(409);

  expect(await untilOver(made.body.id)).toMatchObject({
    status: 'completed',
    total: 124,
    scheduled: 120,
    successful: 117,
    failed: 3,
    skipped: 4,
  });
  const received = receivedOf(exhausted);
  expect(received.map(({ headers }) => headers['webhook-id']).toSorted()).toEqual(
    exhausted.slice(4).toSorted(),
  );
  expect(new Set(received.map(({ body }) => body.toString()))).toEqual(new Set([awkwardBody]));
  const attempts = await service.rows<{ attempt_number: number; replay_id: string }>(
    'SELECT DISTINCT attempt_number, replay_id FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE endpoint_id = $1)',
    [endpoint.id],
  );
  expect(attempts).toEqual([{ attempt_number: 2, replay_id: made.body.id }]);
  expect(await actsOn(made.body.id)).toMatchObject([
    { action: 'webhook_replay.create', actor: { user_id: service.admin.user_id }, after: { total: 124 } },
  ]);
  // What failed again is there for the next one, and what arrived is not.
  expect((await service.ask('POST', '/replays', { ...wanted, dry_run: true })).body.total).toBe(7);
});

test('a range is what lies in it: times, sequences, statuses, event types, owners', async () => {
  const endpoint = await makeEndpoint();
  const from = hoursAgo(48);
  await fill({ count: 10, status: 'succeeded', from, endpointId: endpoint.id, owner: endpoint.owner });
  await fill({
    count: 6,
    status: 'exhausted',
    from: hoursAgo(2),
    endpointId: endpoint.id,
    owner: endpoint.owner,
    eventType: 'call.ended',
    sequence: 11,
  });
  const count = async (filter: object) => {
    const { status, body } = await service.ask('POST', '/replays', { ...filter, dry_run: true });
    expect(status).toBe(200);
    return body.total;
  };
  const one = { endpoint_id: endpoint.id };
  const both = ['succeeded', 'exhausted'];
  const after = (seconds: number) => new Date(from.getTime() + seconds * 1000).toISOString();
  expect(await count(one)).toBe(6);
  expect(await count({ ...one, statuses: both })).toBe(16);
  expect(await count({ ...one, statuses: ['held'] })).toBe(0);
  expect(await count({ ...one, statuses: both, from: after(2), to: after(5) })).toBe(3);
  expect(await count({ ...one, statuses: both, from_sequence: 9, to_sequence: 12 })).toBe(4);
  expect(await count({ owner: endpoint.owner })).toBe(6);
  expect(await count({ owner: endpoint.owner, statuses: both, event_type: 'ticket.created' })).toBe(10);
  expect(await count({ owner: endpoint.owner, event_type: 'ticket.created' })).toBe(0);
  expect((await service.ask('POST', '/replays', { from_sequence: 1, dry_run: true })).status).toBe(400);
  const again = Array(50_000).fill('exhausted');
  expect((await service.ask('POST', '/replays', { statuses: again, dry_run: true })).status).toBe(400);

  const asked = { ...one, statuses: both, from_sequence: 9, to_sequence: 12, rate_per_second: 100 };
  const { body } = await service.ask('POST', '/replays', asked);
  expect(await untilOver(body.id)).toMatchObject({ total: 4, successful: 4, failed: 0, skipped: 0 });
  const sent = (await deliveriesOf(endpoint)).filter((one: { replay_id: string }) => one.replay_id);
  expect(sent.map((each: { sequence: number }) => each.sequence).toSorted()).toEqual([10, 11, 12, 9]);
});

test('all that failed goes to every endpoint that takes something; those that are disabled or deleted are none of it', async () => {
  const [open, shut, gone] = await Promise.all([makeEndpoint(), makeEndpoint(), makeEndpoint()]);
  const eventType = 'only.here';
  for (const { id } of [open, shut, gone]) {
    await fill({ count: 2, status: 'exhausted', from: hoursAgo(5), endpointId: id, eventType });
  }
  await fill({ count: 2, status: 'exhausted', from: hoursAgo(5), eventType, url: receiver.url });
  await service.ask('POST', `/endpoints/${shut.id}/disable`);
  await service.ask('DELETE', `/endpoints/${gone.id}`);
  const asked = { event_type: eventType, rate_per_second: 100 };
  const { body } = await service.ask('POST', '/replays', asked);
  expect(await untilOver(body.id)).toMatchObject({
    status: 'completed',
    total: 4,
    successful: 4,
    skipped: 0,
  });
  const refused = (endpoint_id: string) => service.ask('POST', '/replays', { endpoint_id });
  expect((await refused(shut.id)).body).toMatchObject({ code: 'ENDPOINT_DISABLED' });
  expect((await refused(gone.id)).body).toMatchObject({ code: 'ENDPOINT_NOT_FOUND' });
  const nothing = await service.ask('POST', '/replays', { event_type: 'of.nobody' });
  expect(nothing).toMatchObject({ status: 202, body: { status: 'completed', total: 0 } });
});

test('what an endpoint missed is sent when it is enabled; what a later replay takes over, the older one does not wait for', async () => {
  const endpoint = await makeEndpoint();
  await service.ask('POST', `/endpoints/${endpoint.id}/disable`);
  await fill({ count: 5, status: 'held', from: hoursAgo(1), endpointId: endpoint.id });
  const held = await messagesOf(endpoint, 'held');
  // The first answer is that it is gone: it is disabled again, and the delivery is held again.
  statusOf = () => 410;
  const enabling = { send_missed: true, rate_per_second: 1000 };
  const first = await service.ask('POST', `/endpoints/${endpoint.id}/enable`, enabling);
  expect(first.body.replay).toMatchObject({ kind: 'missed', total: 5 });
  await waitFor(
    async () => (await service.ask('GET', `/endpoints/${endpoint.id}`)).body.status === 'disabled',
    {
      what: 'the endpoint to be disabled',
    },
  );
  expect(await untilOver(first.body.replay.id)).toMatchObject({
    status: 'cancelled',
    successful: 0,
    failed: 0,
  });
  await waitFor(async () => (await messagesOf(endpoint, 'held')).length === 5, { what: 'all to be held' });
  statusOf = () => 200;
  const second = await service.ask('POST', `/endpoints/${endpoint.id}/enable`, enabling);
  expect(await untilOver(second.body.replay.id)).toMatchObject({
    status: 'completed',
    total: 5,
    successful: 5,
  });
  expect(await replayOf(first.body.replay.id)).toMatchObject({ successful: 0, failed: 0 });
  expect(new Set(receivedOf(held).map(({ headers }) => headers['webhook-id'])).size).toBe(5);
  expect(await messagesOf(endpoint, 'succeeded')).toEqual(held);
});

test('a cancelled replay puts no more in line; that is on record, and said again to whoever asks again', async () => {
  const endpoint = await makeEndpoint();
  await fill({ count: 30, status: 'exhausted', from: hoursAgo(2), endpointId: endpoint.id });
  const asked = { endpoint_id: endpoint.id, rate_per_second: 1 };
  const { id } = (await service.ask('POST', '/replays', asked)).body;
  await waitFor(async () => (await replayOf(id)).successful > 0, { what: 'the first' });
  const cancelled = await service.ask('POST', `/replays/${id}/cancel`);
  expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', total: 30 } });
  expect(cancelled.body.scheduled).toBeLessThan(30);
  expect((await service.ask('POST', `/replays/${id}/cancel`)).body.status).toBe('cancelled');
  expect((await actsOn(id)).map(({ action }) => action)).toEqual([
    'webhook_replay.create',
    'webhook_replay.cancel',
  ]);
  await waitFor(async () => (await replayOf(id)).successful === cancelled.body.scheduled, {
    what: 'what was in line',
  });
  const list = await service.ask('GET', `/replays?endpoint_id=${endpoint.id}`);
  expect(list.body.replays).toMatchObject([{ id, status: 'cancelled' }]);
  const all = await service.ask('GET', '/replays?limit=1');
  expect(all.body.next_cursor).not.toBeNull();
  const unknown = ids.next();
  expect((await service.ask('GET', `/replays/${unknown}`)).body.code).toBe('REPLAY_NOT_FOUND');
  expect((await service.ask('POST', `/replays/${unknown}/cancel`)).body.code).toBe('REPLAY_NOT_FOUND');
  const finished = (await service.ask('POST', '/replays', { event_type: 'of.nobody' })).body.id;
  expect((await service.ask('POST', `/replays/${finished}/cancel`)).body.code).toBe('REPLAY_FINISHED');
});

test('one delivery is sent again on a fresh schedule, whatever became of it, and that is on record', async () => {
  const endpoint = await makeEndpoint({ schedule_seconds: [0, 3600] });
  await fill({ count: 1, status: 'succeeded', from: hoursAgo(1), endpointId: endpoint.id });
  const [before] = await deliveriesOf(endpoint);
  statusOf = () => 500;
  const path = `/deliveries/${before.id}/replay`;
  const key = { 'idempotency-key': ids.next() };
  const done = await service.ask('POST', path, undefined, key);
  expect(done).toMatchObject({
    status: 202,
    body: { delivery_id: before.id, status: 'scheduled', attempt_number: 2 },
  });
  const replayId = done.body.replay_id;
  const one = async () => (await service.ask('GET', `/deliveries/${before.id}`)).body;
  await waitFor(async () => (await one()).attempt_count === 2, { what: 'the attempt' });
  expect(await one()).toMatchObject({
    message_id: before.message_id,
    status: 'pending',
    replay_id: replayId,
    last_attempt: { attempt_number: 2, http_status: 500, replay_id: replayId },
  });
  // It waits for its second step; asked again, it is not doubled.
  expect((await service.ask('POST', path)).body).toMatchObject({ status: 'waiting', attempt_number: 3 });
  expect(await replayOf(replayId)).toMatchObject({
    status: 'running',
    total: 1,
    scheduled: 1,
    filter: { delivery_id: before.id },
  });
  statusOf = () => 200;
  await service.rows('UPDATE webhook_deliveries SET due_at = now() WHERE id = $1', [before.id]);
  expect(await untilOver(replayId)).toMatchObject({ status: 'completed', successful: 1, failed: 0 });
  // Whoever never got the answer and repeats the request sends nothing more, though it has arrived.
  expect((await service.ask('POST', path, undefined, key)).body).toEqual(done.body);
  expect((await one()).status).toBe('succeeded');
  expect(await actsOn(before.id)).toMatchObject([
    { action: 'webhook_delivery.replay', before: { status: 'succeeded' }, after: { replay_id: replayId } },
  ]);

  const code = async (id: string) => (await service.ask('POST', `/deliveries/${id}/replay`)).body.code;
  expect(await code(ids.next())).toBe('DELIVERY_NOT_FOUND');
  await service.rows('UPDATE webhook_messages SET body = NULL WHERE id = $1', [before.message_id]);
  expect(await code(before.id)).toBe('MESSAGE_EXPIRED');
  await service.ask('POST', `/endpoints/${endpoint.id}/disable`);
  expect(await code(before.id)).toBe('ENDPOINT_DISABLED');
  await service.ask('DELETE', `/endpoints/${endpoint.id}`);
  expect(await code(before.id)).toBe('ENDPOINT_NOT_FOUND');
});

test('a dispatcher that dies in the middle of a replay uses up none of its schedule, however often it was tried before', async () => {
  const endpoint = await makeEndpoint();
  await fill({ count: 1, status: 'exhausted', from: hoursAgo(1), endpointId: endpoint.id });
  await service.rows(
    'UPDATE webhook_deliveries SET attempt_count = 8, schedule_step = 8 WHERE endpoint_id = $1',
    [endpoint.id],
  );
  const asked = { endpoint_id: endpoint.id, rate_per_second: 1 };
  // Between the step of the replay and its end, somebody takes it and is no more.
  await service.rows(`
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.lease_owner := 'gone'; NEW.leased_at := now() - interval '1 minute'; RETURN NEW;
    END $$;
    CREATE TRIGGER dies BEFORE UPDATE ON webhook_deliveries FOR EACH ROW
      WHEN (OLD.status = 'exhausted' AND NEW.status = 'pending') EXECUTE FUNCTION die()`);
  const { id } = (await service.ask('POST', '/replays', asked)).body;
  expect(await untilOver(id)).toMatchObject({ status: 'completed', successful: 1, failed: 0 });
  await service.rows('DROP TRIGGER dies ON webhook_deliveries; DROP FUNCTION die()');
  const [delivery] = await deliveriesOf(endpoint);
  const { attempts } = (await service.ask('GET', `/deliveries/${delivery.id}/attempts`)).body;
  expect(attempts.map((one: { outcome: string }) => one.outcome)).toEqual(['succeeded', 'lost']);
});

test('callbacks are replayed like any other, and only administrators replay', async () => {
  const keyId = ids.next();
  await fill({ count: 3, status: 'exhausted', from: hoursAgo(1), url: receiver.url, keyId });
  const asked = { owner: `partner_key:${keyId}`, rate_per_second: 100 };
  const { body } = await service.ask('POST', '/replays', asked);
  expect(await untilOver(body.id)).toMatchObject({ total: 3, successful: 3 });
  for (const role of ['user', 'agent'] as const) {
    const principal = userOf(role, KEY_ID);
    for (const path of ['/replays', '/deliveries', `/replays/${body.id}`]) {
      expect((await service.call(principal, 'GET', `${WEBHOOKS}${path}`)).status).toBe(403);
    }
    expect((await service.call(principal, 'POST', `${WEBHOOKS}/replays`, { body: {} })).status).toBe(403);
  }
});
