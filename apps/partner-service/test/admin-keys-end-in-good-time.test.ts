import { createManualClock, hashKey, identityEvents, partnerRpcs } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remindExpiring } from '../src/domain/keys/remind-expiring.ts';
import { startTestPartner, superAdmin, type TestPartner } from './support/partner.ts';

const DAY_SECONDS = 86_400;
const clock = createManualClock('2026-03-01T12:00:00.000Z');

let partner: TestPartner;
beforeAll(async () => {
  partner = await startTestPartner({ clock, consumers: true });
});
afterAll(() => partner.close());

const create = async (changes: Record<string, unknown> = {}) =>
  (
    await partner.admin('POST', '/partner-keys', {
      body: { partner_name: 'CompanyX Call Center', environment: 'sandbox', ...changes },
    })
  ).body;
const eventsOf = async (subject: string, keyId: unknown) =>
  (
    await partner.rows<{ data: Record<string, unknown> }>(
      "SELECT data FROM partner.outbox WHERE subject = $1 AND coalesce(data->>'id', data->'target'->>'id') = $2 ORDER BY position",
      [subject, keyId],
    )
  ).map((row) => row.data);

describe('a key that expires', () => {
  const remindersOf = async (keyId: unknown) =>
    (await eventsOf('partner.key.expiring', keyId)).map((event) => event.days_left);

  it('is said to 30, 7 and 1 days before, once each, however often and by however many it is looked for', async () => {
    const key = await create({ expires_in_days: 40 });
    const forEver = await create({ expires_in_days: null });
    const seen: unknown[] = [];
    for (let day = 0; day < 42; day += 1) {
      await Promise.all([remindExpiring(partner.data), remindExpiring(partner.data)]);
      const reminders = await remindersOf(key.id);
      if (reminders.length > seen.length) seen.push([day, reminders.at(-1)]);
      clock.advance(DAY_SECONDS);
    }
    expect(seen).toEqual([
      [10, 30],
      [33, 7],
      [39, 1],
    ]);
    expect(await remindersOf(key.id)).toEqual([30, 7, 1]);
    expect(await remindersOf(forEver.id)).toEqual([]);
    expect((await eventsOf('partner.key.expiring', key.id))[0]).toEqual({
      id: key.id,
      name: 'CompanyX Call Center',
      owner_user_id: superAdmin.user_id,
      expires_at: key.expires_at,
      days_left: 30,
    });
  });

  it('is said again after its expiry was moved, and not when it was switched off or revoked', async () => {
    const [moved, off, revoked] = [
      await create({ expires_in_days: 5 }),
      await create({ expires_in_days: 5 }),
      await create({ expires_in_days: 5 }),
    ];
    await partner.admin('PATCH', `/partner-keys/${off.id}`, { body: { is_active: false } });
    await partner.admin('POST', `/partner-keys/${revoked.id}/revoke`);
    await remindExpiring(partner.data);
    // What was missed is not made good: only the nearest is said.
    expect(await remindersOf(moved.id)).toEqual([7]);
    const expires_at = new Date(clock.now().getTime() + 29 * DAY_SECONDS * 1000).toISOString();
    await partner.admin('PATCH', `/partner-keys/${moved.id}`, { body: { expires_at } });
    await remindExpiring(partner.data);
    await remindExpiring(partner.data);
    expect(await remindersOf(moved.id)).toEqual([7, 30]);
    expect(await remindersOf(off.id)).toEqual([]);
    expect(await remindersOf(revoked.id)).toEqual([]);
  });

  it('of an operator has no owner to tell; being reminded is no change of a key', async () => {
    const made = await partner.makeKey({ partner: 'Made in SQL' });
    const expires_at = new Date(clock.now().getTime() + DAY_SECONDS * 1000);
    await partner.rows('UPDATE partner.partner_api_keys SET expires_at = $1 WHERE id = $2', [
      expires_at,
      made.keyId,
    ]);
    const before = await partner.admin('GET', `/partner-keys/${made.keyId}`);
    await remindExpiring(partner.data);
    expect(await eventsOf('partner.key.expiring', made.keyId)).toMatchObject([
      { days_left: 1, owner_user_id: null },
    ]);
    expect((await partner.admin('GET', `/partner-keys/${made.keyId}`)).body).toEqual(before.body);
  });

  it('is said of hundreds of keys in one look', async () => {
    await partner.rows(
      `INSERT INTO partner.partner_api_keys
         (partner_id, partner_name, api_key_hash, api_secret_hash, key_prefix, environment, expires_at)
       SELECT p.id, p.name, partner.hash_key(i::text), partner.hash_key('s' || i), 'pk_sandbox_x', 'sandbox', $1
       FROM generate_series(1, 250) AS i, partner.partners p WHERE p.name = 'CompanyX Call Center'`,
      [new Date(clock.now().getTime() + 10 * DAY_SECONDS * 1000)],
    );
    expect(await remindExpiring(partner.data)).toBe(250);
    expect(await remindExpiring(partner.data)).toBe(0);
  });
});

describe('a key that was found in public', () => {
  const url = 'https://github.com/octocat/Hello-World/blob/main/config.js';
  const report = (
    token_kind: 'partner_key' | 'partner_secret' | 'api_key',
    token: unknown,
    eventId = partner.data.ids.next(),
  ) =>
    partner.bus.publishEvent(
      identityEvents.leakReported,
      {
        report_id: partner.data.ids.next(),
        token_kind,
        token_hash: hashKey(String(token)),
        provider: 'github',
        url,
      },
      { source: 'identity-service', id: eventId },
    );
  const isRevoked = async (keyId: unknown) =>
    (await partner.admin('GET', `/partner-keys/${keyId}`)).body.status === 'revoked';
  const untilRevoked = (keyId: unknown) =>
    waitFor(() => isRevoked(keyId), { what: 'the leaked key to be revoked' });

  it.each([
    ['partner_key', 'api_key'],
    ['partner_secret', 'api_secret'],
  ] as const)(
    'as a %s is revoked, on record, and its owner told, once however often it is found',
    async (kind, field) => {
      const key = await create();
      const eventId = partner.data.ids.next();
      await report(kind, key[field], eventId);
      await report(kind, key[field]);
      await untilRevoked(key.id);
      await report(kind, key[field]);
      // Behind all of them: when this one is ended, they were handled.
      const last = await create();
      await report('partner_key', last.api_key);
      await untilRevoked(last.id);
      expect(await eventsOf('partner.key.leaked', key.id)).toEqual([
        { id: key.id, name: 'CompanyX Call Center', owner_user_id: superAdmin.user_id, url },
      ]);
      const acts = await eventsOf('partner.admin.acted', key.id);
      expect(acts.map((act) => act.action)).toEqual(['partner_key.create', 'partner_key.revoke']);
      expect(acts[1]).toMatchObject({
        actor: null,
        before: { is_active: true },
        after: { is_active: false, reason: 'leaked', found_at: url, reported_by: 'github' },
      });
      const verdict = await partner.bus.request(partnerRpcs.verifyKey, {
        key_hash: hashKey(String(key.api_key)),
        secret_hash: hashKey(String(key.api_secret)),
      });
      expect(verdict).toMatchObject({ ok: false, reason: 'disabled' });
    },
  );

  it('by its old secret is revoked only while that one is good', async () => {
    const [inOverlap, over] = [await create(), await create()];
    await partner.admin('POST', `/partner-keys/${over.id}/rotate`, { body: { overlap_seconds: 10 } });
    clock.advance(11);
    await partner.admin('POST', `/partner-keys/${inOverlap.id}/rotate`, { body: { overlap_seconds: 10 } });
    await report('partner_secret', over.api_secret);
    await report('partner_secret', inOverlap.api_secret);
    await untilRevoked(inOverlap.id);
    expect(await isRevoked(over.id)).toBe(false);
  });

  it('is not ended by what is another kind of credential', async () => {
    const [key, last] = [await create(), await create()];
    await report('api_key', key.api_key);
    await report('partner_secret', key.api_key);
    await report('partner_key', last.api_key);
    await untilRevoked(last.id);
    expect(await isRevoked(key.id)).toBe(false);
  });
});
