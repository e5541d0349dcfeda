import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  removeDeletedEndpoints,
  removeEndedSecrets,
  setAsideDeliveries,
} from '../src/domain/endpoints/tidy-endpoints.ts';
import { type MadeEndpoint, startTestAdmin, type TestAdmin, userOf, WEBHOOKS } from './support/admin.ts';
import { ids } from './support/deliveries.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

const URL_OF_NOBODY = 'http://127.0.0.1:1999/hook';

let service: TestAdmin;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestAdmin();
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const validBody = (changes: Record<string, unknown> = {}) => ({
  owner: `account:${ids.next()}`,
  environment: 'sandbox',
  url: URL_OF_NOBODY,
  event_types: ['ticket.*'],
  ...changes,
});

const actsOn = async (endpointId: string) => {
  const acts = await service.events('webhooks.admin.acted');
  return acts.filter(({ target }) => target.id === endpointId);
};

const deliveriesOf = (endpointId: string) =>
  service.rows<{ id: string; status: string; due_at: Date | null; sequence: string }>(
    'SELECT id, status, due_at, sequence FROM webhook_deliveries WHERE endpoint_id = $1 ORDER BY sequence',
    [endpointId],
  );

const statusesOf = async (endpointId: string) => (await deliveriesOf(endpointId)).map(({ status }) => status);

/** Publishes until so many deliveries of the endpoint are stored. */
const publishStored = async (endpoint: MadeEndpoint, count: number) => {
  const before = (await deliveriesOf(endpoint.id)).length;
  for (let index = 0; index < count; index += 1) await service.publish(endpoint.owner);
  await waitFor(async () => (await deliveriesOf(endpoint.id)).length === before + count, {
    what: 'the deliveries',
  });
};

test('an endpoint is made with what was asked for, and its secret is shown then alone', async () => {
  const body = validBody({
    description: 'The CRM',
    event_types: ['ticket.*', 'call.ended', 'ticket.*'],
    schedule_seconds: [0, 2.5],
    rate_per_second: 5,
    concurrency: 3,
    headers: { Authorization: 'Bearer very-secret-token' },
  });
  const made = await service.ask('POST', '/endpoints', body);
  expect(made).toMatchObject({
    status: 201,
    headers: { 'cache-control': 'no-store' },
    body: {
      owner: body.owner,
      environment: 'sandbox',
      url: URL_OF_NOBODY,
      description: 'The CRM',
      event_types: ['ticket.*', 'call.ended'],
      schedule_seconds: [0, 2.5],
      rate_per_second: 5,
      concurrency: 3,
      header_names: ['authorization'],
      status: 'enabled',
      disabled_reason: null,
      last_sequence: 0,
      health: { failing_since: null, consecutive_failures: 0, last_error: null, circuit_open_until: null },
    },
  });
  const { secret, ...rest } = made.body;
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const shown = await service.ask('GET', `/endpoints/${made.body.id}`);
  expect(shown).toMatchObject({ status: 200, body: rest });

  // Nothing secret is kept in plain anywhere, nor told to anybody.
  const [kept] = await service.rows<{ text: string }>(
    `SELECT (SELECT jsonb_agg(e) FROM webhook_endpoints e)::text || (SELECT jsonb_agg(s) FROM webhook_endpoint_secrets s)::text
      || (SELECT jsonb_agg(o) FROM outbox o)::text || coalesce((SELECT jsonb_agg(i) FROM idempotency_records i)::text, '') AS text`,
  );
  for (const hidden of [secret, secret.slice('whsec_'.length), 'very-secret-token']) {
    expect(kept?.text).not.toContain(hidden);
    expect(JSON.stringify(shown.body)).not.toContain(hidden);
  }
  const [act] = await actsOn(made.body.id);
  expect(act).toMatchObject({
    action: 'webhook_endpoint.create',
    actor: { user_id: service.admin.user_id },
    target: { type: 'webhook_endpoint', name: body.owner },
    before: null,
    after: { url: URL_OF_NOBODY, header_names: ['authorization'] },
    ip: '203.0.113.7',
    user_agent: 'a-test/1.0',
  });
});

test('a creation that is repeated with its key makes one endpoint and shows the same secret', async () => {
  const body = validBody();
  const key = { 'idempotency-key': ids.next() };
  const [first, second] = await Promise.all([
    service.ask('POST', '/endpoints', body, key),
    service.ask('POST', '/endpoints', body, key),
  ]);
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  expect([first, second].filter(({ headers }) => headers['idempotent-replay'] === 'true')).toHaveLength(1);
  expect(await actsOn(first.body.id)).toHaveLength(1);
  const other = await service.ask('POST', '/endpoints', { ...body, concurrency: 7 }, key);
  expect(other).toMatchObject({ status: 409, body: { code: 'DUPLICATE_REQUEST' } });
});

test('only administrators come near', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY);
  const asked = [
    ['GET', '/endpoints'],
    ['POST', '/endpoints'],
    ['GET', `/endpoints/${made.id}`],
    ['PATCH', `/endpoints/${made.id}`],
    ['DELETE', `/endpoints/${made.id}`],
    ['POST', `/endpoints/${made.id}/rotate`],
    ['POST', `/endpoints/${made.id}/disable`],
    ['POST', `/endpoints/${made.id}/enable`],
    ['POST', `/endpoints/${made.id}/test`],
    ['POST', '/verify'],
    ['GET', '/signing-keys'],
    ['POST', '/signing-keys/rotate'],
  ] as const;
  for (const [method, path] of asked) {
    const options = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
    const ofUser = await service.call(userOf('user', ids.next()), method, `${WEBHOOKS}${path}`, options);
    expect([path, ofUser.status, ofUser.body.code]).toEqual([path, 403, 'INSUFFICIENT_ROLE']);
    expect((await service.call(undefined, method, `${WEBHOOKS}${path}`, options)).status).toBe(401);
  }
  expect(await service.ask('GET', `/endpoints/${made.id}`)).toMatchObject({ body: { status: 'enabled' } });
});

test('a field that cannot be so is refused by its name', async () => {
  const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
    ['owner', { owner: 'nobody' }],
    ['environment', { environment: 'staging' }],
    ['url', { url: 'not a url' }],
    ['url', { url: 'http://user:password@example.com/' }],
    ['url', { url: 'https://169.254.169.254/latest' }],
    ['url', { url: 'https://example.com:22/' }],
    ['url', { url: 'http://example.com/', environment: 'production' }],
    ['url', { url: 'https://127.0.0.1/', environment: 'production' }],
    ['url', { url: 'https://2130706433/', environment: 'production' }],
    ['url', { url: `https://example.com/${'a'.repeat(2100)}` }],
    ['event_types', { event_types: [] }],
    ['event_types.0', { event_types: ['*.created'] }],
    ['event_types.1', { event_types: ['a.b', 'A.b'] }],
    ['description', { description: '' }],
    ['schedule_seconds', { schedule_seconds: [] }],
    ['schedule_seconds.1', { schedule_seconds: [0, -1] }],
    ['schedule_seconds', { schedule_seconds: Array(21).fill(1) }],
    ['rate_per_second', { rate_per_second: 0 }],
    ['concurrency', { concurrency: 101 }],
    ['concurrency', { concurrency: 1.5 }],
    ['headers.webhook-id', { headers: { 'Webhook-Id': 'mine' } }],
    ['headers.host', { headers: { host: 'elsewhere' } }],
    ['headers.x-a', { headers: { 'x-a': 'b\r\nc: d' } }],
    ['headers.x-a', { headers: { 'x-a': '' } }],
    [
      'headers',
      { headers: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`x-${index}`, 'a'])) },
    ],
    ['color', { color: 'green' }],
  ];
  for (const [field, changes] of wrong) {
    const answer = await service.ask('POST', '/endpoints', validBody(changes));
    expect([field, answer.status, answer.body.code]).toEqual([field, 400, 'INVALID_INPUT']);
    const fields = answer.body.fields.map((one: { field: string }) => one.field);
    expect([changes, fields.join(' ')]).toEqual([
      changes,
      expect.stringContaining(field.split('.')[0] ?? ''),
    ]);
  }
  const reserved = await service.ask('POST', '/endpoints', validBody({ headers: { host: 'elsewhere' } }));
  expect(reserved.body.fields).toEqual([
    { field: 'headers.host', message: 'must be none of the headers that Switchboard sets' },
  ]);
  const local = await service.ask(
    'POST',
    '/endpoints',
    validBody({ url: 'https://10.0.0.1/', environment: 'production' }),
  );
  expect(local.body.fields).toEqual([{ field: 'url', message: 'refused target: private address' }]);
  const made = await service.makeEndpoint(URL_OF_NOBODY);
  for (const body of [{}, { owner: 'account:1' }, { environment: 'production' }, { url: null }]) {
    expect((await service.ask('PATCH', `/endpoints/${made.id}`, body)).status).toBe(400);
  }
  for (const overlap of [-1, 604_801, 1.5, '1']) {
    const answer = await service.ask('POST', `/endpoints/${made.id}/rotate`, { overlap_seconds: overlap });
    expect(answer.status).toBe(400);
  }
});

test('what is not there, or is deleted, is not found on any route', async () => {
  const gone = await service.makeEndpoint(URL_OF_NOBODY);
  expect((await service.ask('DELETE', `/endpoints/${gone.id}`)).status).toBe(204);
  for (const id of [gone.id, ids.next()]) {
    const answers = await Promise.all([
      service.ask('GET', `/endpoints/${id}`),
      service.ask('PATCH', `/endpoints/${id}`, { concurrency: 2 }),
      service.ask('DELETE', `/endpoints/${id}`),
      service.ask('POST', `/endpoints/${id}/rotate`, {}),
      service.ask('POST', `/endpoints/${id}/disable`),
      service.ask('POST', `/endpoints/${id}/enable`, {}),
      service.ask('POST', `/endpoints/${id}/test`),
    ]);
    for (const { status, body } of answers) {
      expect([status, body.code]).toEqual([404, 'ENDPOINT_NOT_FOUND']);
    }
  }
  expect((await service.ask('GET', '/endpoints/not-a-uuid')).body.code).toBe('INVALID_PARAMETER');
  expect(
    await service.rows('SELECT FROM webhook_endpoint_secrets WHERE endpoint_id = $1', [gone.id]),
  ).toEqual([]);
});

test('lists go page by page, and are narrowed by owner, environment and status', async () => {
  const owner = `user:${ids.next()}`;
  const made = [];
  for (let index = 0; index < 3; index += 1) made.push(await service.makeEndpoint(URL_OF_NOBODY, { owner }));
  const production = await service.makeEndpoint('https://example.com/', { owner, environment: 'production' });
  await service.ask('POST', `/endpoints/${made[0]?.id}/disable`);
  const idsOf = async (query: string) => {
    const { body } = await service.ask('GET', `/endpoints?owner=${owner}${query}`);
    return [body.endpoints.map(({ id }: { id: string }) => id), body.next_cursor];
  };
  const newestFirst = [production, ...made.toReversed()].map(({ id }) => id);
  expect(await idsOf('')).toEqual([newestFirst, null]);
  const [page, cursor] = await idsOf('&limit=3');
  expect(page).toEqual(newestFirst.slice(0, 3));
  expect(await idsOf(`&limit=3&cursor=${cursor}`)).toEqual([newestFirst.slice(3), null]);
  expect(await idsOf('&environment=production')).toEqual([[production.id], null]);
  expect(await idsOf('&status=disabled')).toEqual([[made[0]?.id], null]);
  expect((await service.ask('GET', '/endpoints?status=odd')).body.code).toBe('INVALID_PARAMETER');
  expect((await service.ask('GET', '/endpoints?cursor=odd')).body.code).toBe('INVALID_PARAMETER');
});

test('a change is on record with what was before; what is so already is no change', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY, { headers: { 'x-token': 'one' } });
  // The circuit was opened by the old address, and would hold up the new one.
  await service.rows(
    `UPDATE webhook_endpoint_health SET failing_since = now(), consecutive_failures = 10,
      circuit_open_until = now() + interval '1 hour' WHERE endpoint_id = $1`,
    [made.id],
  );
  const changes = { url: receiver.url, description: 'New', headers: { 'x-token': 'two' } };
  const changed = await service.ask('PATCH', `/endpoints/${made.id}`, changes);
  expect(changed).toMatchObject({
    status: 200,
    body: { url: receiver.url, description: 'New', event_types: ['*'] },
  });
  await service.ask('PATCH', `/endpoints/${made.id}`, changes);
  await service.ask('PATCH', `/endpoints/${made.id}`, { headers: { 'x-token': 'three' } });
  const acts = (await actsOn(made.id)).filter(({ action }) => action === 'webhook_endpoint.update');
  expect(acts).toHaveLength(2);
  expect(acts[0]).toMatchObject({
    before: { url: URL_OF_NOBODY, description: null },
    after: { url: receiver.url, description: 'New', header_names: ['x-token'] },
  });
  const messageId = await service.publish(made.owner);
  const request = await waitFor(
    () => receiver.received.find(({ headers }) => headers['webhook-id'] === messageId),
    { what: 'the message at the new address' },
  );
  expect(request.headers['x-token']).toBe('three');
  const refused = await service.ask('PATCH', `/endpoints/${made.id}`, { url: 'https://169.254.169.254/' });
  expect(refused.body.fields[0].field).toBe('url');
});

test('headers that nobody is shown do not follow an endpoint to an address of somebody who wants to see them', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY, { headers: { authorization: 'Bearer secret' } });
  const change = (body: Record<string, unknown>) => service.ask('PATCH', `/endpoints/${made.id}`, body);
  const refused = await change({ url: receiver.url, description: 'Mine now' });
  expect(refused).toMatchObject({ status: 400, body: { fields: [{ field: 'headers' }] } });
  expect((await service.ask('GET', `/endpoints/${made.id}`)).body).toMatchObject({
    url: URL_OF_NOBODY,
    description: null,
  });
  const same = await change({ url: URL_OF_NOBODY, description: 'As before' });
  expect(same).toMatchObject({ status: 200, body: { header_names: ['authorization'] } });
  const moved = await change({ url: receiver.url, headers: {} });
  expect(moved).toMatchObject({ status: 200, body: { url: receiver.url, header_names: [] } });
});

test('rotations at the same time come one after the other: none loses a secret that signs, and five old ones at most are kept', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY);
  const rotate = (body: Record<string, unknown>, headers = {}) =>
    service.ask('POST', `/endpoints/${made.id}/rotate`, body, headers);
  const answers = await Promise.all(Array.from({ length: 4 }, () => rotate({ overlap_seconds: 604_800 })));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(new Set([made.secret, ...answers.map(({ body }) => body.secret)]).size).toBe(5);
  const secretsNow = async () => (await service.ask('GET', `/endpoints/${made.id}`)).body.secrets;
  const five = await secretsNow();
  expect(five).toHaveLength(5);
  expect(five.filter((one: { expires_at: string | null }) => one.expires_at === null)).toEqual([five[0]]);

  const key = { 'idempotency-key': ids.next() };
  const once = await rotate({ overlap_seconds: 60 }, key);
  const again = await rotate({ overlap_seconds: 60 }, key);
  expect(again.body.secret).toBe(once.body.secret);
  expect(again.headers).toMatchObject({ 'idempotent-replay': 'true', 'cache-control': 'no-store' });
  const six = await secretsNow();
  expect(six.map(({ id }: { id: string }) => id).slice(1)).toEqual(five.map(({ id }: { id: string }) => id));
  await rotate({ overlap_seconds: 60 });
  const oldest = five.at(-1).id;
  const after = (await secretsNow()).map(({ id }: { id: string }) => id);
  expect(after).toHaveLength(6);
  expect(after).not.toContain(oldest);
  // Without an overlap the current one ends now, and no other.
  await rotate({ overlap_seconds: 0 });
  expect((await secretsNow()).map(({ id }: { id: string }) => id).slice(1)).toEqual(after.slice(1));
  expect((await actsOn(made.id)).filter(({ action }) => action === 'webhook_endpoint.rotate')).toHaveLength(
    7,
  );
});

test('while an endpoint is disabled its messages are kept, and sending what was missed is one call', async () => {
  const made = await service.makeEndpoint(receiver.url);
  const disabled = await service.ask('POST', `/endpoints/${made.id}/disable`);
  expect(disabled).toMatchObject({ status: 200, body: { status: 'disabled', disabled_reason: 'manual' } });
  await service.ask('POST', `/endpoints/${made.id}/disable`);
  const told = (await service.events('webhooks.endpoint.disabled')).filter(
    ({ endpoint_id }) => endpoint_id === made.id,
  );
  expect(told).toEqual([
    expect.objectContaining({ reason: 'manual', owner: made.owner, owner_user_id: service.admin.user_id }),
  ]);
  await publishStored(made, 3);
  expect(await statusesOf(made.id)).toEqual(['held', 'held', 'held']);
  expect(await service.ask('POST', `/endpoints/${made.id}/test`)).toMatchObject({
    status: 409,
    body: { code: 'ENDPOINT_DISABLED' },
  });
  await service.rows(
    `UPDATE webhook_endpoint_health SET failing_since = now() - interval '6 days', consecutive_failures = 9,
      circuit_open_until = now() + interval '1 hour' WHERE endpoint_id = $1`,
    [made.id],
  );

  const enabled = await service.ask('POST', `/endpoints/${made.id}/enable`, { send_missed: true });
  expect(enabled).toMatchObject({
    status: 200,
    body: {
      endpoint: { status: 'enabled', health: { failing_since: null, circuit_open_until: null } },
      replay: { kind: 'missed', total: 3, status: 'running' },
    },
  });
  expect(await service.ask('POST', `/endpoints/${made.id}/enable`, {})).toMatchObject({
    body: { replay: null },
  });
  expect((await actsOn(made.id)).map(({ action }) => action)).toEqual([
    'webhook_endpoint.create',
    'webhook_endpoint.disable',
    'webhook_endpoint.enable',
  ]);
});

test('what waits when an endpoint is disabled is held, and without being asked for it stays held', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY, { schedule_seconds: [3600] });
  await publishStored(made, 2);
  await service.ask('POST', `/endpoints/${made.id}/disable`);
  expect(await statusesOf(made.id)).toEqual(['held', 'held']);
  // One that was being recorded meanwhile.
  await service.rows(
    `UPDATE webhook_deliveries SET status = 'pending', due_at = now() WHERE endpoint_id = $1 AND sequence = 2`,
    [made.id],
  );
  await setAsideDeliveries(service.deps.data, new AbortController().signal);
  expect(await statusesOf(made.id)).toEqual(['held', 'held']);
  await service.rows(
    `UPDATE webhook_deliveries SET status = 'pending', due_at = now() WHERE endpoint_id = $1 AND sequence = 1`,
    [made.id],
  );
  expect(await service.ask('POST', `/endpoints/${made.id}/enable`, {})).toMatchObject({
    body: { endpoint: { status: 'enabled' }, replay: null },
  });
  expect(await statusesOf(made.id)).toEqual(['held', 'held']);
  const later = await service.ask('POST', `/endpoints/${made.id}/enable`, { send_missed: true });
  expect(later.body.replay).toMatchObject({ kind: 'missed', total: 2 });
});

test('a test message goes to one endpoint alone, whatever it takes, with a number like any other', async () => {
  const owner = `account:${ids.next()}`;
  const made = await service.makeEndpoint(receiver.url, { owner, event_types: ['call.ended'] });
  const other = await service.makeEndpoint(receiver.url, { owner });
  const key = { 'idempotency-key': ids.next() };
  const answer = await service.ask('POST', `/endpoints/${made.id}/test`, undefined, key);
  expect(answer.status).toBe(202);
  // Whoever repeats it with its key is told of the first.
  expect(await service.ask('POST', `/endpoints/${made.id}/test`, undefined, key)).toMatchObject({
    body: answer.body,
    headers: { 'idempotent-replay': 'true' },
  });
  const request = await waitFor(
    () => receiver.received.find(({ headers }) => headers['webhook-id'] === answer.body.message_id),
    { what: 'the test message' },
  );
  expect(request.headers['webhook-sequence']).toBe('1');
  expect(JSON.parse(request.body.toString())).toMatchObject({
    type: 'webhook.test',
    data: { endpoint_id: made.id },
  });
  expect((await deliveriesOf(made.id)).map(({ id }) => id)).toEqual([answer.body.delivery_id]);
  expect(await deliveriesOf(other.id)).toEqual([]);
  const acts = (await actsOn(made.id)).map(({ action }) => action);
  expect(acts.filter((action) => action === 'webhook_endpoint.test')).toHaveLength(1);
});

test('what waits for an endpoint is cancelled when it is deleted, however much it is and whatever comes after', async () => {
  const made = await service.makeEndpoint(URL_OF_NOBODY, { schedule_seconds: [3600] });
  await publishStored(made, 4);
  await service.rows(
    `UPDATE webhook_deliveries SET status = 'held', due_at = NULL WHERE endpoint_id = $1 AND sequence = 2`,
    [made.id],
  );
  const leased = (until: string, sequence: number) =>
    service.rows(
      `UPDATE webhook_deliveries SET lease_owner = 'somebody', leased_at = now(), due_at = now() + $3::interval
       WHERE endpoint_id = $1 AND sequence = $2`,
      [made.id, sequence, until],
    );
  await leased('1 hour', 3);
  await leased('1 hour', 4);
  expect((await service.ask('DELETE', `/endpoints/${made.id}`)).status).toBe(204);
  // What somebody works on is left to end; what they never came back to is not taken up again.
  expect(await statusesOf(made.id)).toEqual(['cancelled', 'cancelled', 'pending', 'pending']);
  await service.rows(
    `UPDATE webhook_deliveries SET lease_owner = NULL, leased_at = NULL WHERE endpoint_id = $1 AND sequence = 3`,
    [made.id],
  );
  await leased('-1 minute', 4);
  const done = await setAsideDeliveries(service.deps.data, new AbortController().signal);
  expect(done).toMatchObject({ cancelled: 2 });
  expect(await statusesOf(made.id)).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
  expect(await actsOn(made.id)).toContainEqual(
    expect.objectContaining({ action: 'webhook_endpoint.delete', after: null }),
  );
  await service.publish(made.owner);
  await service.ask('GET', '/endpoints');
  expect(await deliveriesOf(made.id)).toHaveLength(4);
});

test('what ended long ago is removed, and nothing that still says something of a delivery', async () => {
  const [kept, gone, rotated] = [
    await service.makeEndpoint(URL_OF_NOBODY, { schedule_seconds: [3600] }),
    await service.makeEndpoint(URL_OF_NOBODY),
    await service.makeEndpoint(URL_OF_NOBODY),
  ];
  await publishStored(kept, 1);
  for (const { id } of [kept, gone]) await service.ask('DELETE', `/endpoints/${id}`);
  await service.rows(
    `UPDATE webhook_endpoints SET deleted_at = now() - interval '91 days' WHERE id = ANY ($1)`,
    [[kept.id, gone.id]],
  );
  await service.ask('POST', `/endpoints/${rotated.id}/rotate`, { overlap_seconds: 0 });
  await service.ask('POST', `/endpoints/${rotated.id}/rotate`, { overlap_seconds: 0 });
  await service.rows(
    `UPDATE webhook_endpoint_secrets SET expires_at = now() - interval '31 days' WHERE id = (
       SELECT id FROM webhook_endpoint_secrets WHERE endpoint_id = $1 AND expires_at IS NOT NULL ORDER BY id LIMIT 1)`,
    [rotated.id],
  );
  const { db } = service.deps.data;
  const now = new Date();
  expect(await removeDeletedEndpoints(db, { now, days: 90 })).toBe(1);
  expect(await removeEndedSecrets(db, now)).toBe(1);
  const left = await service.rows('SELECT id FROM webhook_endpoints WHERE id = ANY ($1)', [
    [kept.id, gone.id],
  ]);
  expect(left).toEqual([{ id: kept.id }]);
});
