import { type Environment, type Principal, webhookEvents, webhookOwnerOf } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestAdmin, type TestAdmin, userOf } from './support/admin.ts';
import { ids } from './support/deliveries.ts';
import { type Message, makeMessage } from './support/fan-out.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

/** So that nothing but the test decides when an attempt is made: the first at once, no second one. */
const ONE_ATTEMPT = { schedule_seconds: [0] };

let webhooks: TestAdmin;
let receiver: Receiver;
beforeAll(async () => {
  webhooks = await startTestAdmin();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await webhooks.close();
});

const partnerOf = (environment: Environment, keyId = ids.next()): Principal => ({
  kind: 'partner_key',
  key_id: keyId,
  partner_id: ids.next(),
  partner_name: 'CompanyX',
  environment,
  company_id: null,
  permissions: { all: true },
});
const apiKeyOf = (accountId: string = ids.next()): Principal => ({
  kind: 'api_key',
  key_id: ids.next(),
  account_id: accountId,
});
const ownerOf = (principal: Principal): string => webhookOwnerOf(principal) ?? '';
const publish = (message: Message, eventId = ids.next()) =>
  webhooks.dispatcher.bus.publishEvent(webhookEvents.messagePublished, message, {
    source: 'ticket-service',
    id: eventId,
  });
const feedOf = (principal: Principal, endpointId: string, query = '') =>
  webhooks.call(principal, 'GET', `/api/webhooks/v1/endpoints/${endpointId}/messages${query}`);
const adminFeedOf = async (endpointId: string, query = '') =>
  (await webhooks.ask('GET', `/endpoints/${endpointId}/messages${query}`)).body;
const areAll = async (endpointId: string, status: string, count: number) => {
  const rows = await webhooks.rows<{ status: string }>(
    'SELECT status FROM webhook_deliveries WHERE endpoint_id = $1',
    [endpointId],
  );
  return rows.length === count && rows.every((row) => row.status === status);
};

test('what a service publishes arrives, numbered, at every endpoint; the same event twice arrives once', async () => {
  const mine = apiKeyOf();
  const owner = ownerOf(mine);
  const own = await startReceiver();
  const endpoints = [
    await webhooks.makeEndpoint(own.url, { owner, event_types: ['ticket.*'] }),
    await webhooks.makeEndpoint(own.url, { owner }),
  ];
  const messages = Array.from({ length: 5 }, () => makeMessage(owner));
  for (const message of messages) {
    const eventId = ids.next();
    await publish(message, eventId);
    await publish(message, eventId);
    await publish(message);
  }
  for (const { id } of endpoints)
    await waitFor(() => areAll(id, 'succeeded', 5), { what: 'five deliveries' });
  expect(own.received).toHaveLength(10);
  const sent = new Map(messages.map((each) => [each.message_id, each.body]));
  for (const { headers, body } of own.received) {
    expect(body.toString()).toBe(sent.get(String(headers['webhook-id'])));
    expect(Number(headers['webhook-sequence'])).toBeGreaterThan(0);
  }
  const { body: page } = await feedOf(mine, endpoints[0]?.id ?? '');
  expect(page.messages.map((each: { sequence: number }) => each.sequence)).toEqual([1, 2, 3, 4, 5]);
  for (const { sequence, message_id } of page.messages) {
    const bySequence = own.received.filter(({ headers }) => headers['webhook-id'] === message_id);
    expect(bySequence.some(({ headers }) => Number(headers['webhook-sequence']) === sequence)).toBe(true);
  }
  await own.close();
});

test('one that cannot be stored harms no other of its batch', async () => {
  const owner = `account:${ids.next()}`;
  const { id } = await webhooks.makeEndpoint(receiver.url, { owner });
  await webhooks.rows(
    `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cannot be stored'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON webhook_messages
       FOR EACH ROW WHEN (NEW.event_type = 'ticket.poisoned') EXECUTE FUNCTION public.refuse()`,
  );
  await Promise.all(
    ['ticket.created', 'ticket.poisoned', 'ticket.created'].map((event_type) =>
      publish(makeMessage(owner, { event_type })),
    ),
  );
  await waitFor(() => areAll(id, 'succeeded', 2), { what: 'the two good ones' });
  await webhooks.rows('DROP TRIGGER refuse ON webhook_messages; DROP FUNCTION public.refuse()');
  expect((await adminFeedOf(id)).last_sequence).toBeGreaterThanOrEqual(2);
});

describe('the feed', () => {
  test('gives pages in the order of sequences, says where to go on, and has null for what is kept no longer', async () => {
    const mine = userOf('user', ids.next());
    const owner = ownerOf(mine);
    const { id } = await webhooks.makeEndpoint(receiver.url, { owner });
    expect((await feedOf(mine, id)).body).toEqual({
      messages: [],
      next_after: 0,
      has_more: false,
      last_sequence: 0,
    });
    const messages = Array.from({ length: 5 }, () => makeMessage(owner));
    for (const message of messages) await publish(message);
    await waitFor(() => areAll(id, 'succeeded', 5));
    await webhooks.rows('UPDATE webhook_messages SET body = NULL WHERE id = $1', [messages[0]?.message_id]);

    const first = (await feedOf(mine, id, '?limit=2')).body;
    expect(first).toMatchObject({ next_after: 2, has_more: true, last_sequence: 5 });
    expect(first.messages).toMatchObject([
      { sequence: 1, message_id: messages[0]?.message_id, body: null, status: 'succeeded' },
      {
        sequence: 2,
        message_id: messages[1]?.message_id,
        body: messages[1]?.body,
        event_type: 'ticket.created',
      },
    ]);
    const rest = (await feedOf(mine, id, '?after=2&limit=3')).body;
    expect(rest).toMatchObject({ next_after: 5, has_more: false, last_sequence: 5 });
    expect((await feedOf(mine, id, '?after=5')).body).toEqual({
      messages: [],
      next_after: 5,
      has_more: false,
      last_sequence: 5,
    });
    // Administrators see the same.
    expect(await adminFeedOf(id, '?after=2&limit=3')).toEqual(rest);
  });

  test('keeps a page small enough to be read, and goes on behind it', async () => {
    const mine = userOf('user', ids.next());
    const owner = ownerOf(mine);
    const { id } = await webhooks.makeEndpoint(receiver.url, { owner });
    const body = JSON.stringify({ text: 'ש'.repeat(350_000) });
    for (let n = 0; n < 8; n += 1) await publish(makeMessage(owner, { body }));
    await waitFor(() => areAll(id, 'succeeded', 8), { what: 'eight large ones' });
    const counts: number[] = [];
    for (let after = 0, hasMore = true; hasMore; ) {
      const page = (await feedOf(mine, id, `?after=${after}`)).body;
      expect(page.messages.every((each: { body: string }) => each.body === body)).toBe(true);
      counts.push(page.messages.length);
      ({ next_after: after, has_more: hasMore } = page);
    }
    // 4 MB, and the one that goes beyond.
    expect(counts).toEqual([6, 2]);
  });

  test('is for the owner of the endpoint alone: to all others it is not there', async () => {
    const [user, account, partner] = [userOf('user', ids.next()), apiKeyOf(), partnerOf('sandbox')];
    const owned = new Map<Principal, string>();
    for (const each of [user, account, partner]) {
      owned.set(each, (await webhooks.makeEndpoint(receiver.url, { owner: ownerOf(each) })).id);
    }
    const keyId = partner.kind === 'partner_key' ? partner.key_id : '';
    const strangers: Principal[] = [
      userOf('super_admin', ids.next()),
      apiKeyOf(),
      partnerOf('sandbox'),
      partnerOf('production', keyId),
      // An account with the id of a user.
      apiKeyOf(user.user_id),
    ];
    for (const [owner, endpointId] of owned) {
      expect((await feedOf(owner, endpointId)).status).toBe(200);
      const unknown = await feedOf(owner, ids.next());
      expect(unknown).toMatchObject({ status: 404, body: { code: 'ENDPOINT_NOT_FOUND' } });
      for (const stranger of strangers) {
        const refused = await feedOf(stranger, endpointId);
        expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
          404,
          'ENDPOINT_NOT_FOUND',
          unknown.body.detail,
        ]);
      }
      await webhooks.ask('DELETE', `/endpoints/${endpointId}`);
      expect((await feedOf(owner, endpointId)).status).toBe(404);
    }
    for (const query of ['?after=-1', '?after=1e3', '?after=x', '?limit=0', '?limit=101']) {
      expect((await feedOf(user, owned.get(user) ?? '', query)).status).toBe(400);
    }
    expect(
      (await webhooks.call(user, 'GET', `/api/admin/v1/webhooks/endpoints/${ids.next()}/messages`)).status,
    ).toBe(403);
  });
});

test('a receiver that was away ends with the same messages as one that was there, by the feed alone', async () => {
  const mine = apiKeyOf();
  const owner = ownerOf(mine);
  const known = new Map<string, string>();
  let next = 0;
  let isAway = true;
  const away = await startReceiver((response, { headers, body }) => {
    response.statusCode = isAway ? 500 : 200;
    if (!isAway) known.set(String(headers['webhook-id']), body.toString());
    response.end();
  });
  const { id } = await webhooks.makeEndpoint(away.url, { owner, ...ONE_ATTEMPT });
  const messages = Array.from({ length: 12 }, () => makeMessage(owner));
  for (const message of messages.slice(0, 7)) await publish(message);
  await waitFor(() => areAll(id, 'exhausted', 7), { what: 'seven lost deliveries' });
  isAway = false;
  for (const message of messages.slice(7)) await publish(message);
  await waitFor(async () => (await adminFeedOf(id)).last_sequence === 12, { what: 'the others' });

  // As the guide tells receivers: from the last sequence that is known, until nothing is missed.
  for (let hasMore = true; hasMore; ) {
    const page = (await feedOf(mine, id, `?after=${next}&limit=5`)).body;
    for (const { message_id, body } of page.messages) known.set(message_id, body);
    expect(page.messages.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
      page.messages.map((_: unknown, index: number) => next + index + 1),
    );
    ({ next_after: next, has_more: hasMore } = page);
    if (!hasMore) expect(next).toBe(page.last_sequence);
  }
  expect(known).toEqual(new Map(messages.map(({ message_id, body }) => [message_id, body])));
  await away.close();
});

describe('operational messages', () => {
  test('reach other endpoints of the owner that asked for them, and say nothing secret', async () => {
    const owner = `account:${ids.next()}`;
    const gone = await startReceiver((response) => {
      response.statusCode = 410;
      response.end();
    });
    const watcher = await startReceiver();
    const failing = await webhooks.makeEndpoint(`${gone.url}?token=secret-of-the-receiver`, {
      owner,
      event_types: ['ticket.*', 'webhooks.*'],
    });
    await webhooks.makeEndpoint(watcher.url, { owner, event_types: ['webhooks.endpoint.disabled'] });
    // Takes everything, and is told nothing of webhooks.
    const everything = await webhooks.makeEndpoint(receiver.url, { owner, event_types: ['*'] });
    await publish(makeMessage(owner));
    await waitFor(() => watcher.received.length > 0, { what: 'the word that an endpoint was disabled' });
    const told = JSON.parse(watcher.received[0]?.body.toString() ?? '');
    expect(told).toMatchObject({
      type: 'webhooks.endpoint.disabled',
      data: { endpoint_id: failing.id, reason: 'gone', last_error: 'HTTP 410' },
    });
    expect(JSON.stringify(told)).not.toContain('secret-of-the-receiver');
    expect(JSON.stringify(told)).not.toContain(failing.secret);
    expect((await adminFeedOf(failing.id)).messages).toHaveLength(1);
    expect((await adminFeedOf(everything.id)).messages).toHaveLength(1);
    for (const each of [gone, watcher]) await each.close();
  });

  test('do not go round: two endpoints that fail tell each other once', async () => {
    const owner = `account:${ids.next()}`;
    const failing = await startReceiver((response) => {
      response.statusCode = 500;
      response.end();
    });
    const fields = { owner, event_types: ['ticket.*', 'webhooks.*'], ...ONE_ATTEMPT };
    const endpoints = [
      await webhooks.makeEndpoint(failing.url, fields),
      await webhooks.makeEndpoint(failing.url, fields),
    ];
    await publish(makeMessage(owner));
    // Each: the ticket, and the word that the other one did not get it.
    for (const { id } of endpoints) await waitFor(() => areAll(id, 'exhausted', 2), { what: 'two each' });
    const published = async () =>
      (await webhooks.events('webhooks.message.published')).filter((each) => each.owner === owner);
    expect((await published()).map(({ event_type }) => event_type)).toEqual([
      'webhooks.delivery.exhausted',
      'webhooks.delivery.exhausted',
    ]);
    const [word] = await published();
    expect(JSON.parse(word.body).data).toMatchObject({
      event_type: 'ticket.created',
      last_error: 'HTTP 500',
    });
    await failing.close();
  });
});
