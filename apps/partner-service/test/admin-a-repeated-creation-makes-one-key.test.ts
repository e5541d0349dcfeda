import { createManualClock, hashKey, partnerRpcs } from '@switchboard/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestPartner, superAdmin, type TestPartner } from './support/partner.ts';

const clock = createManualClock('2026-03-01T12:00:00.000Z');

let partner: TestPartner;
let replica: Pick<TestPartner, 'admin'>;
beforeAll(async () => {
  partner = await startTestPartner({ clock });
  replica = await partner.startReplica();
});
afterAll(() => partner.close());

const body = { partner_name: 'CompanyX Call Center', environment: 'sandbox' };
const countKeys = async () =>
  (await partner.rows<{ count: number }>('SELECT count(*)::int AS count FROM partner.partner_api_keys'))[0]
    ?.count;

it('ten requests with one key, at once and to two replicas, make one partner key and get one answer', async () => {
  const options = { body, headers: { 'idempotency-key': 'at-once' } };
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? partner : replica).admin('POST', '/partner-keys', options),
    ),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(201));
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
  expect(answers.filter((answer) => answer.headers['idempotent-replay'] === 'true')).toHaveLength(9);
  expect(answers.every((answer) => answer.headers['cache-control'] === 'no-store')).toBe(true);
  expect(await countKeys()).toBe(1);
  const acts = await partner.rows("SELECT FROM partner.outbox WHERE subject = 'partner.admin.acted'");
  expect(acts).toHaveLength(1);
  const verdict = await partner.bus.request(partnerRpcs.verifyKey, {
    key_hash: hashKey(String(answers[0]?.body.api_key)),
    secret_hash: hashKey(String(answers[0]?.body.api_secret)),
  });
  expect(verdict).toMatchObject({ ok: true });

  // Whoever reads the table does not get the secrets.
  const kept = JSON.stringify(await partner.rows('SELECT * FROM partner.idempotency_records'));
  for (const name of ['api_key', 'api_secret', 'webhook_secret']) {
    expect(kept).not.toContain(String(answers[0]?.body[name]));
  }
});

it('another request, or another administrator, under the same key is another matter', async () => {
  const headers = { 'idempotency-key': 'others' };
  const first = await partner.admin('POST', '/partner-keys', { body, headers });
  const other = { ...body, partner_name: 'Other' };
  expect(await replica.admin('POST', '/partner-keys', { body: other, headers })).toMatchObject({
    status: 409,
    body: { code: 'DUPLICATE_REQUEST' },
  });
  const principal = { ...superAdmin, user_id: partner.data.ids.next() };
  const theirs = await partner.admin('POST', '/partner-keys', { body, headers, principal });
  expect(theirs.status).toBe(201);
  expect(theirs.body.id).not.toBe(first.body.id);
});

it('a rotation that is repeated rotates once, so that the secret in use stays the old one', async () => {
  const { body: made } = await partner.admin('POST', '/partner-keys', { body });
  const rotate = (from: Pick<TestPartner, 'admin'>) =>
    from.admin('POST', `/partner-keys/${made.id}/rotate`, {
      body: { overlap_seconds: 60 },
      headers: { 'idempotency-key': 'rotation' },
    });
  const [first, second] = await Promise.all([rotate(partner), rotate(replica)]);
  expect(first.status).toBe(200);
  expect(second.body).toEqual(first.body);
  const verdict = await partner.bus.request(partnerRpcs.verifyKey, {
    key_hash: hashKey(String(made.api_key)),
    secret_hash: hashKey(String(made.api_secret)),
  });
  expect(verdict).toMatchObject({ ok: true });
});

it('the answer is kept for 24 hours', async () => {
  const options = { body, headers: { 'idempotency-key': 'a-day' } };
  const first = await partner.admin('POST', '/partner-keys', options);
  clock.advance(24 * 3_600 - 1);
  expect((await partner.admin('POST', '/partner-keys', options)).body).toEqual(first.body);
  clock.advance(2);
  expect((await partner.admin('POST', '/partner-keys', options)).body.id).not.toBe(first.body.id);
});
