import { createHmac, createPublicKey, verify, type webcrypto } from 'node:crypto';
import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import { createUuidV7Ids, webhookBody, webhookEvents } from '@switchboard/contracts';
import { type AnyJson, waitFor } from '@switchboard/stack/testing';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Mailbox, startMailbox } from './support/mailbox.ts';
import {
  type ApiKeyCredentials,
  createPartnerClient,
  type PartnerCredentials,
  type Platform,
  startPlatform,
} from './support/platform.ts';
import { type ReceivedCallback, type Receiver, startReceiver } from './support/receiver.ts';

/*
 * From a service's event to the receivers of its owner, through the real gateway and the real services, with verifiers that
 * nobody here wrote; and back: what was missed, what failed, who did what about it.
 */
const ADMIN_EMAIL = 'admin@example.com';
const BODY = webhookBody('ticket.created', new Date('2026-11-26T10:30:00.000Z'), {
  subject: 'המדפסת בוערת',
  price: 1.0e21,
  ratio: 0.1,
  empty: {},
  list: [],
});

let platform: Platform;
let mailbox: Mailbox;
let bus: Bus;
const receivers: Receiver[] = [];
const ids = createUuidV7Ids();

beforeAll(async () => {
  mailbox = await startMailbox();
  platform = await startPlatform(
    {
      'identity-service': { MAIL_PRINT: 'false', SMTP_URL: mailbox.url },
      // A callback that fails once is exhausted: nobody waits a minute here.
      'webhook-dispatcher': { WEBHOOK_PARTNER_SCHEDULE_SECONDS: '0' },
    },
    { without: ['ticket-service', 'ai-service'] },
  );
  bus = await connectBus({ url: platform.nats.url, name: 'a-service', log: silentLog });
}, 180_000);
afterAll(async () => {
  await bus?.close();
  await platform?.stop();
  await Promise.all([mailbox?.stop(), ...receivers.map((receiver) => receiver.close())]);
});

interface Endpoint {
  readonly id: string;
  readonly secret: string;
  readonly receiver: Receiver;
}

interface Account extends ApiKeyCredentials {
  readonly owner: string;
}

const listen = async (): Promise<Receiver> => {
  const receiver = await startReceiver();
  receivers.push(receiver);
  return receiver;
};

const makeAccount = async (name: string): Promise<Account> => {
  const key = await platform.createApiKey({ name });
  const { account_id: accountId } = await platform.administer('GET', `/api-keys/${key.id}`);
  return { ...key, owner: `account:${accountId}` };
};

const makeEndpoint = async (owner: string, eventTypes: readonly string[]): Promise<Endpoint> => {
  const receiver = await listen();
  const made = await platform.administer('POST', '/webhooks/endpoints', {
    owner,
    environment: 'sandbox',
    url: receiver.url,
    event_types: eventTypes,
  });
  return { id: String(made.id), secret: String(made.secret), receiver };
};

/** As a service does it: the same event until it is taken. */
const untilTaken = (publishEvent: (id: string) => Promise<unknown>): Promise<true> => {
  const eventId = ids.next();
  return waitFor(() => publishEvent(eventId).then(() => true as const), {
    what: `event ${eventId} to be taken`,
  });
};

/** Gives the message's id. */
const publish = async (owner: string, eventType = 'ticket.created', body = BODY): Promise<string> => {
  const messageId = ids.next();
  await untilTaken((id) =>
    bus.publishEvent(
      webhookEvents.messagePublished,
      { message_id: messageId, owner, event_type: eventType, environment: 'sandbox', body },
      { source: 'ticket-service', id },
    ),
  );
  return messageId;
};

const allOf = (receiver: Receiver, messageId: string): ReceivedCallback[] =>
  receiver.received.filter(({ headers }) => headers['webhook-id'] === messageId);

const arrival = (receiver: Receiver, messageId: string): Promise<ReceivedCallback> =>
  waitFor(() => allOf(receiver, messageId)[0], { what: `message ${messageId}` });

const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await fetch(platform.gatewayUrl + path, { headers });
  return { status: answer.status, body: (await answer.json()) as AnyJson };
};
const pair = ({ key, secret }: ApiKeyCredentials) => ({ 'x-api-key': key, 'x-api-secret': secret });
const feedOf = (endpoint: Endpoint, account: ApiKeyCredentials, after = 0) =>
  get(`/api/webhooks/v1/endpoints/${endpoint.id}/messages?after=${after}`, pair(account));

/** An administrator has 300 requests a minute, and so has whoever waits in their name. */
const seldom = { intervalMs: 250 };

const deliveriesOf = async (endpoint: Endpoint, status: string) => {
  const listed = await platform.administer(
    'GET',
    `/webhooks/deliveries?endpoint_id=${endpoint.id}&status=${status}`,
  );
  return listed.deliveries as { id: string; message_id: string; sequence: number }[];
};

const untilReplayed = (replayId: unknown) =>
  waitFor(
    async () => {
      const replay = await platform.administer('GET', `/webhooks/replays/${replayId}`);
      return replay.status === 'completed' ? replay : undefined;
    },
    { what: `replay ${replayId} to be over`, ...seldom },
  );

const auditActions = async (target: string): Promise<string[]> => {
  const listed = await platform.administer('GET', `/audit-log?service=webhook-dispatcher&limit=100`);
  const entries = listed.entries as { action: string; target: { id: string }; actor: { email: string } }[];
  return entries.filter((entry) => entry.target.id === target).map(({ action }) => action);
};

test('both endpoints of an owner are told, and verifiers that nobody here wrote say that it is genuine', async () => {
  const account = await makeAccount('Told');
  const stranger = await makeAccount('Stranger');
  const [some, all, strange] = await Promise.all([
    makeEndpoint(account.owner, ['ticket.*']),
    makeEndpoint(account.owner, ['*']),
    makeEndpoint(stranger.owner, ['*']),
  ]);
  const messageId = await publish(account.owner);
  const jwks = await get('/.well-known/webhooks/jwks.json');
  expect(jwks.status).toBe(200);

  for (const endpoint of [some, all]) {
    const { headers, body } = await arrival(endpoint.receiver, messageId);
    const signed = {
      'webhook-id': String(headers['webhook-id']),
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    };
    expect(body).toBe(BODY);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Switchboard-Webhooks/1',
      'webhook-sequence': '1',
    });
    const parsed: unknown = JSON.parse(BODY);
    expect(new StandardWebhook(endpoint.secret).verify(body, signed)).toEqual(parsed);
    expect(new SvixWebhook(endpoint.secret).verify(body, signed)).toEqual(parsed);
    const other = endpoint === some ? all : some;
    expect(() => new StandardWebhook(other.secret).verify(body, signed)).toThrow();

    const asymmetric = signed['webhook-signature'].split(' ').find((each) => each.startsWith('v1a,'));
    const isOurs = (text: string) =>
      (jwks.body.keys as webcrypto.JsonWebKey[]).some((key) =>
        verify(
          null,
          Buffer.from(`${signed['webhook-id']}.${signed['webhook-timestamp']}.${text}`),
          createPublicKey({ key, format: 'jwk' }),
          Buffer.from(String(asymmetric).slice('v1a,'.length), 'base64'),
        ),
      );
    expect(isOurs(body)).toBe(true);
    expect(isOurs(`${body} `)).toBe(false);
  }
  // After the other one: two that are under way at once may get their numbers in either order.
  const callOnly = await publish(account.owner, 'call.ended');
  await arrival(all.receiver, callOnly);
  expect(allOf(some.receiver, callOnly)).toEqual([]);
  expect(strange.receiver.received).toEqual([]);
});

test('a receiver reads what it was sent with the key of its account, and nobody else does', async () => {
  const account = await makeAccount('Reads');
  const endpoint = await makeEndpoint(account.owner, ['*']);
  const first = await publish(account.owner);
  const second = await publish(account.owner, 'ticket.closed');
  await Promise.all([first, second].map((id) => arrival(endpoint.receiver, id)));

  const feed = await waitFor(
    async () => {
      const read = await feedOf(endpoint, account);
      const settled = read.body.messages?.every((each: { status: string }) => each.status === 'succeeded');
      return settled ? read : undefined;
    },
    { what: 'both messages to be on record', ...seldom },
  );
  expect(feed.status).toBe(200);
  expect(feed.body).toMatchObject({ next_after: 2, last_sequence: 2, has_more: false });
  const sent = feed.body.messages as { sequence: number; message_id: string; body: string }[];
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(sent.map((each) => each.message_id).toSorted()).toEqual([first, second].toSorted());
  expect(sent[0]?.body).toBe(BODY);
  expect((await feedOf(endpoint, account, 1)).body.messages).toEqual([sent[1]]);

  const stranger = await makeAccount('Strange reader');
  const partner = await platform.createKey();
  const others = [
    pair(stranger),
    { authorization: `Bearer ${partner.key}`, 'x-api-secret': partner.secret },
    { authorization: `Bearer ${await platform.admin()}` },
  ];
  for (const headers of others) {
    const answer = await get(`/api/webhooks/v1/endpoints/${endpoint.id}/messages`, headers);
    expect(answer).toMatchObject({ status: 404, body: { code: 'ENDPOINT_NOT_FOUND' } });
  }
});

test('a partner sees its own callbacks and sends one again; another partner sees none', async () => {
  const [own, other] = await Promise.all([platform.createKey(), platform.createKey()]);
  const client = createPartnerClient(platform.gatewayUrl, own);
  const stranger = createPartnerClient(platform.gatewayUrl, other);
  const receiver = await listen();
  receiver.answerWith(500);
  const jobId = ids.next();
  const body = JSON.stringify({ job_id: jobId, status: 'completed' });
  await untilTaken((id) =>
    bus.publishEvent(
      webhookEvents.deliveryRequested,
      {
        profile: 'partner',
        message_id: jobId,
        event_type: 'partner.job.finished',
        url: receiver.url,
        environment: 'sandbox',
        secret: { kind: 'partner', key_id: own.keyId, version: 1 },
        body,
      },
      { source: 'partner-service', id },
    ),
  );
  const listed = async (by: typeof client, query = '') =>
    JSON.parse((await by.get(`/webhooks/deliveries${query}`)).text).deliveries as {
      id: string;
      job_id: string;
      status: string;
      attempt_count: number;
      last_attempt: { http_status: number; error_message: string };
    }[];
  const failed = await waitFor(async () => (await listed(client, '?status=exhausted'))[0], {
    what: 'the callback to be exhausted',
    ...seldom,
  });
  expect(failed).toMatchObject({
    job_id: jobId,
    attempt_count: 1,
    last_attempt: { http_status: 500, error_message: 'HTTP 500' },
  });
  expect(await listed(stranger)).toEqual([]);
  expect((await stranger.post(`/webhooks/deliveries/${failed.id}/retry`)).status).toBe(404);
  expect(allOf(receiver, jobId)).toHaveLength(1);

  receiver.answerWith(200);
  const retried = await client.post(`/webhooks/deliveries/${failed.id}/retry`);
  expect(JSON.parse(retried.text)).toMatchObject({ status: 'scheduled', attempt_number: 2 });
  await waitFor(async () => (await listed(client, '?status=succeeded'))[0]?.id === failed.id, {
    what: 'the callback to have arrived',
    ...seldom,
  });
  const [before, after] = allOf(receiver, jobId);
  expect(after?.body).toBe(before?.body);
  expect(after?.headers['x-webhook-attempt']).toBe('2');
  expect(after?.headers['x-partner-signature']).toBe(hexHmac(own, body));
  expect(JSON.parse((await client.post(`/webhooks/deliveries/${failed.id}/retry`)).text).status).toBe(
    'succeeded',
  );
});

const hexHmac = ({ webhookSecret }: PartnerCredentials, body: string): string =>
  createHmac('sha256', webhookSecret).update(body).digest('hex');

test('a disabled endpoint misses nothing: what was held is sent when it is enabled', async () => {
  const account = await makeAccount('Away');
  const endpoint = await makeEndpoint(account.owner, ['*']);
  await platform.administer('POST', `/webhooks/endpoints/${endpoint.id}/disable`);
  const missed: string[] = [];
  for (let count = 0; count < 3; count += 1) missed.push(await publish(account.owner));
  const held = await waitFor(
    async () => {
      const found = await deliveriesOf(endpoint, 'held');
      return found.length === missed.length ? found : undefined;
    },
    { what: 'three held messages', ...seldom },
  );
  expect(held.map(({ message_id: id }) => id).toSorted()).toEqual(missed.toSorted());
  expect(endpoint.receiver.received).toEqual([]);

  const enabled = await platform.administer('POST', `/webhooks/endpoints/${endpoint.id}/enable`, {
    send_missed: true,
    rate_per_second: 1000,
  });
  const { id: replayId } = enabled.replay as { id: string };
  expect(await untilReplayed(replayId)).toMatchObject({ kind: 'missed', total: 3, successful: 3, failed: 0 });
  for (const id of missed) await arrival(endpoint.receiver, id);
  const sequences = endpoint.receiver.received.map(({ headers }) => Number(headers['webhook-sequence']));
  expect(sequences.toSorted()).toEqual([1, 2, 3]);
  await waitFor(async () => (await auditActions(endpoint.id)).length === 3, {
    what: 'the audit log',
    ...seldom,
  });
  expect((await auditActions(endpoint.id)).toSorted()).toEqual([
    'webhook_endpoint.create',
    'webhook_endpoint.disable',
    'webhook_endpoint.enable',
  ]);
});

test('a replay is counted before it is sent, carries the same ids and bytes, and is on record with who asked for it', async () => {
  const account = await makeAccount('Again');
  const endpoint = await makeEndpoint(account.owner, ['*']);
  const messages = [await publish(account.owner), await publish(account.owner)];
  await waitFor(async () => (await deliveriesOf(endpoint, 'succeeded')).length === messages.length, {
    what: 'both messages to be on record',
    ...seldom,
  });
  const which = { endpoint_id: endpoint.id, statuses: ['succeeded'], rate_per_second: 1000 };
  const counted = await platform.administer('POST', '/webhooks/replays', { ...which, dry_run: true });
  expect(counted).toEqual({ dry_run: true, total: 2, expired: 0 });

  const replay = await platform.administer('POST', '/webhooks/replays', which);
  expect(await untilReplayed(replay.id)).toMatchObject({ total: 2, successful: 2, failed: 0, skipped: 0 });
  for (const id of messages) {
    const [first, again, ...more] = allOf(endpoint.receiver, id);
    // Twice, not three times: the dry run sent nothing.
    expect(more).toEqual([]);
    expect(again?.body).toBe(first?.body);
    expect(again?.headers['webhook-sequence']).toBe(first?.headers['webhook-sequence']);
    expect(
      new StandardWebhook(endpoint.secret).verify(
        String(again?.body),
        again?.headers as Record<string, string>,
      ),
    ).toBeDefined();
  }
  await waitFor(async () => (await auditActions(String(replay.id))).length > 0, {
    what: 'the audit log',
    ...seldom,
  });
  const log = await platform.administer(
    'GET',
    `/audit-log?target_type=webhook_replay&target_id=${replay.id}`,
  );
  expect(log.entries).toMatchObject([
    { action: 'webhook_replay.create', actor: { email: ADMIN_EMAIL }, service: 'webhook-dispatcher' },
  ]);
});

test('an endpoint that is gone is disabled, and whoever made it gets a mail', async () => {
  const account = await makeAccount('Gone');
  const [gone, watching] = await Promise.all([
    makeEndpoint(account.owner, ['ticket.*']),
    makeEndpoint(account.owner, ['webhooks.*']),
  ]);
  gone.receiver.answerWith(410);
  const messageId = await publish(account.owner);
  const mail = await mailbox.next(ADMIN_EMAIL);
  expect(mail.text).toContain(new URL(gone.receiver.url).host);
  expect(await platform.administer('GET', `/webhooks/endpoints/${gone.id}`)).toMatchObject({
    status: 'disabled',
    disabled_reason: 'gone',
  });
  const held = await waitFor(
    async () => {
      const found = await deliveriesOf(gone, 'held');
      return found.length > 0 && found;
    },
    { what: 'its message to be held', ...seldom },
  );
  expect(held).toMatchObject([{ message_id: messageId, sequence: 1 }]);
  const told = await waitFor(() => watching.receiver.received[0], { what: 'the operational message' });
  expect(JSON.parse(told.body)).toMatchObject({
    type: 'webhooks.endpoint.disabled',
    data: { endpoint_id: gone.id },
  });
});
