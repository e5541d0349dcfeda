import { type DataOf, webhookEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAIL_BOX, mailContext } from '../src/domain/mail/queue-mail.ts';
import { type MadeUser, startTestIdentity, type TestIdentity } from './support/identity.ts';

type Disabled = DataOf<typeof webhookEvents.endpointDisabled>;

let identity: TestIdentity;
let maker: MadeUser;

beforeAll(async () => {
  identity = await startTestIdentity({ consumers: true });
  maker = await identity.makeUser({ role: 'admin' });
});
afterAll(() => identity.close());

const disable = async (changes: Partial<Disabled> = {}, id = identity.deps.data.ids.next()) => {
  const data = {
    ...webhookEvents.endpointDisabled.example,
    endpoint_id: identity.deps.data.ids.next(),
    owner_user_id: maker.id,
    url: 'https://hooks.example.com/path-with-a-token?key=secret-in-the-address',
    ...changes,
  };
  await identity.bus.publishEvent(webhookEvents.endpointDisabled, data, { source: 'webhook-dispatcher', id });
  return data;
};
const mails = async () => {
  const rows = await identity.rows<{ id: string; to_email: string; subject: string; text_encrypted: string }>(
    "SELECT id, to_email, subject, text_encrypted FROM identity.mail WHERE kind = 'endpoint_disabled' ORDER BY id",
  );
  return rows.map(({ id, to_email, subject, text_encrypted }) => ({
    to: to_email,
    subject,
    text: identity.deps.secrets.box(MAIL_BOX).open(text_encrypted, mailContext(id)),
  }));
};

test('whoever made an endpoint is told once why nothing is sent to it, and what to do', async () => {
  const eventId = identity.deps.data.ids.next();
  const gone = await disable({ reason: 'gone', last_error: 'HTTP 410' }, eventId);
  await disable({ ...gone }, eventId);
  // Nobody is written to about what a person did, or where nobody is known.
  await disable({ reason: 'manual' });
  await disable({ owner_user_id: null });
  await disable({ owner_user_id: identity.deps.data.ids.next() });
  const failing = await disable({ reason: 'failing', last_error: 'connection refused' });
  await waitFor(async () => (await mails()).length >= 2, { what: 'two mails' });
  const told = await mails();
  expect(told).toHaveLength(2);
  for (const [endpoint, why] of [
    [gone, '410 (gone)'],
    [failing, 'Nothing but failures'],
  ] as const) {
    const mail = told.find(({ text }) => text.includes(endpoint.endpoint_id));
    expect(mail).toMatchObject({
      to: maker.email,
      subject: 'The webhook endpoint at hooks.example.com was disabled',
    });
    for (const part of [
      endpoint.endpoint_id,
      endpoint.owner,
      endpoint.disabled_at,
      endpoint.last_error,
      why,
      'it would get is kept',
      `webhooks endpoints enable ${endpoint.endpoint_id} --send-missed`,
    ]) {
      expect(mail?.text).toContain(part);
    }
    expect(`${mail?.subject}${mail?.text}`).not.toMatch(/path-with-a-token|secret-in-the-address/);
  }
});
