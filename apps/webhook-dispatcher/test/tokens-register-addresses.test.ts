import {
  type IntegrationTokenPrincipal,
  ticketEvents,
  webhookBody,
  webhookEvents,
} from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockOwner } from '../src/domain/endpoints/endpoint-repository.ts';
import { makeEndpoint } from '../src/domain/endpoints/make-endpoint.ts';
import { startTestAdmin, type TestAdmin } from './support/admin.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

/* What an integration token registers on the tickets surface: for itself alone, and no longer than it lives. */
const WEBHOOKS = '/functions/v1/integration-tickets/webhooks';
const UNKNOWN = '0192f0c1-2b3c-7d4e-8f50-617283940a99';

let admin: TestAdmin;
let receiver: Receiver;
beforeAll(async () => {
  admin = await startTestAdmin();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  await admin?.close();
});

const newToken = (): IntegrationTokenPrincipal => ({
  kind: 'integration_token',
  token_id: admin.deps.data.ids.next(),
  token_name: 'Helpdesk',
  owner_user_id: null,
  allowed_endpoints: ['*'],
});
const register = (token: IntegrationTokenPrincipal, body: unknown, headers: Record<string, string> = {}) =>
  admin.call(token, 'POST', WEBHOOKS, { body, headers });

/** As ticket-service tells a token something. */
const publish = async (token: IntegrationTokenPrincipal, eventType: string): Promise<string> => {
  const id = admin.deps.data.ids.next();
  const message = {
    message_id: id,
    owner: `integration_token:${token.token_id}`,
    event_type: eventType,
    environment: 'production',
    body: webhookBody(eventType, new Date(), { sequence: 1 }),
  } as const;
  await admin.dispatcher.bus.publishEvent(webhookEvents.messagePublished, message, {
    source: 'ticket-service',
  });
  return id;
};

describe('an address of a token', () => {
  test('gets the events it is for, signed, and shows its secret once', async () => {
    const token = newToken();
    const made = await register(token, { url: receiver.url, events: ['ticket.created'] });
    expect(made).toMatchObject({
      status: 201,
      body: { webhook: { status: 'enabled', events: ['ticket.created'] } },
    });
    expect(made.body.webhook.secret).toMatch(/^whsec_/);
    const listed = await admin.call(token, 'GET', WEBHOOKS);
    expect(listed.body.webhooks).toMatchObject([{ id: made.body.webhook.id, url: made.body.webhook.url }]);
    expect(JSON.stringify(listed.body)).not.toContain('whsec_');
    await publish(token, 'ticket.updated');
    const id = await publish(token, 'ticket.created');
    await waitFor(() => receiver.received.some(({ headers }) => headers['webhook-id'] === id));
    const messages = await admin.call(token, 'GET', `${WEBHOOKS}/${made.body.webhook.id}/messages`);
    expect(messages.body).toMatchObject({ messages: [{ message_id: id, sequence: 1 }], last_sequence: 1 });
  });

  test('gets all five events when none is named', async () => {
    const made = await register(newToken(), { url: receiver.url });
    expect(made.body.webhook.events).toEqual([
      'ticket.created',
      'ticket.updated',
      'ticket.status_changed',
      'ticket.commented',
      'ticket.sla_breached',
    ]);
  });

  test('is registered once for one idempotency key, with the same secret', async () => {
    const token = newToken();
    const headers = { 'idempotency-key': 'once' };
    const [first, again] = await Promise.all([
      register(token, { url: receiver.url }, headers),
      register(token, { url: receiver.url }, headers),
    ]);
    expect(again?.body).toEqual(first?.body);
    expect((await admin.call(token, 'GET', WEBHOOKS)).body.webhooks).toHaveLength(1);
    const other = await register(token, { url: `${receiver.url}/other` }, headers);
    expect(other).toMatchObject({ status: 409, body: { error: 'duplicate_request' } });
  });

  test('is one of ten at most, however many are asked for at once', async () => {
    const token = newToken();
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_, index) => register(token, { url: `${receiver.url}/${index}` })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ error: 'too_many' });
  });

  test("is nobody else's to see or delete, and deleted for good by its own", async () => {
    const token = newToken();
    const { id } = (await register(token, { url: receiver.url })).body.webhook;
    for (const [method, path] of [
      ['DELETE', `/${id}`],
      ['GET', `/${id}/messages`],
    ] as const) {
      const foreign = await admin.call(newToken(), method, `${WEBHOOKS}${path}`);
      const unknown = await admin.call(token, method, `${WEBHOOKS}${path.replace(id, UNKNOWN)}`);
      expect(foreign).toMatchObject({ status: 404, body: { error: 'not_found' } });
      expect(foreign.body).toEqual(unknown.body);
    }
    expect((await admin.call(token, 'DELETE', `${WEBHOOKS}/${id}`)).status).toBe(204);
    expect((await admin.call(token, 'DELETE', `${WEBHOOKS}/${id}`)).status).toBe(404);
    expect((await admin.call(token, 'GET', WEBHOOKS)).body.webhooks).toEqual([]);
  });

  test.each([
    [{}, 'missing_required_field'],
    [{ url: 'not a url' }, 'invalid_field'],
    [{ url: 'ftp://example.com/' }, 'invalid_field'],
    [{ url: 'http://169.254.169.254/latest' }, 'invalid_field'],
    [{ url: 'https://example.com/', events: [] }, 'invalid_field'],
    [{ url: 'https://example.com/', events: ['partner.job.finished'] }, 'invalid_field'],
    [{ url: 'https://example.com/', events: ['webhooks.*'] }, 'invalid_field'],
  ])('%# is refused in words: %j', async (body, error) => {
    expect(await register(newToken(), body)).toMatchObject({ status: 400, body: { error } });
  });

  test('is told nothing any more once the token has been ended', async () => {
    const token = newToken();
    const { id } = (await register(token, { url: receiver.url })).body.webhook;
    await admin.dispatcher.bus.publishEvent(
      ticketEvents.tokenChanged,
      { token_id: token.token_id, change: 'revoked' },
      { source: 'ticket-service' },
    );
    await waitFor(async () => {
      const { body } = await admin.call(token, 'GET', WEBHOOKS);
      return body.webhooks[0].status === 'disabled';
    });
    expect((await admin.call(token, 'GET', WEBHOOKS)).body.webhooks).toMatchObject([
      { id, status: 'disabled', disabled_reason: 'manual' },
    ]);
  });

  test('is told nothing either when it was being registered while the token ended', async () => {
    const token = newToken();
    const owner = `integration_token:${token.token_id}`;
    const { id } = await transact(admin.deps.data, async ({ trx }) => {
      await lockOwner(trx, owner);
      const input = {
        owner,
        environment: 'production',
        url: receiver.url,
        description: null,
        event_types: ['*'],
        headers: {},
        schedule_seconds: null,
        rate_per_second: null,
        concurrency: 1,
      } as const;
      const { endpoint } = await makeEndpoint(trx, admin.deps, input, null);
      await admin.dispatcher.bus.publishEvent(
        ticketEvents.tokenChanged,
        { token_id: token.token_id, change: 'revoked' },
        { source: 'ticket-service' },
      );
      await waitFor(
        async () =>
          (await admin.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).length > 0,
        { what: 'the end of the token waits' },
      );
      return endpoint;
    });
    await waitFor(async () => {
      const { body } = await admin.call(token, 'GET', WEBHOOKS);
      return body.webhooks[0]?.id === id && body.webhooks[0].status === 'disabled';
    });
  });
});
