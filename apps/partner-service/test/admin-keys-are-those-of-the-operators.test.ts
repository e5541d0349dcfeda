import {
  createManualClock,
  deriveWebhookSecret,
  hashKey,
  hasValidChecksum,
  keyPrefixes,
  partnerAdminRoutes,
  partnerRpcs,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { touchOldSecret } from '../src/domain/keys/key-repository.ts';
import { startTestPartner, superAdmin, type TestPartner, WEBHOOK_SECRET } from './support/partner.ts';

const START = '2026-03-01T12:00:00.000Z';
const clock = createManualClock(START);

let partner: TestPartner;
beforeAll(async () => {
  partner = await startTestPartner({ clock });
});
afterAll(() => partner.close());

interface Pair {
  readonly id: string;
  readonly api_key: string;
  readonly api_secret: string;
  readonly webhook_secret: string;
}

const create = async (body: Record<string, unknown> = {}): Promise<Pair & Record<string, unknown>> => {
  const made = await partner.admin('POST', '/partner-keys', {
    body: { partner_name: 'CompanyX Call Center', environment: 'sandbox', ...body },
  });
  expect(made.status).toBe(201);
  return partnerAdminRoutes.createKey.responses[201].schema.parse(made.body);
};
const verify = (pair: Pick<Pair, 'api_key' | 'api_secret'>) =>
  partner.bus.request(partnerRpcs.verifyKey, {
    key_hash: hashKey(pair.api_key),
    secret_hash: hashKey(pair.api_secret),
  });
const changesOf = async (keyId: string) =>
  (
    await partner.rows<{ change: string }>(
      "SELECT data->>'change' AS change FROM partner.outbox WHERE subject = 'partner.key.changed' AND data->>'key_id' = $1 ORDER BY position",
      [keyId],
    )
  ).map((row) => row.change);

describe('a key made over the API', () => {
  it.each([
    ['sandbox', keyPrefixes.partnerSandbox],
    ['production', keyPrefixes.partnerProduction],
  ] as const)(
    'of %s is good at once, shown once, and stored as hashes alone',
    async (environment, prefix) => {
      const made = await create({ environment });
      expect(hasValidChecksum(made.api_key, prefix)).toBe(true);
      expect(hasValidChecksum(made.api_secret, keyPrefixes.partnerSecret)).toBe(true);
      expect(made.webhook_secret).toBe(deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.id, version: 1 }));
      expect(await verify(made)).toMatchObject({
        ok: true,
        principal: { key_id: made.id, environment, company_id: null, permissions: { all: true } },
        rate_limit_per_minute: 1000,
        allowed_ips: [],
        valid_until: '2027-03-01T12:00:00.000Z',
      });
      expect(await changesOf(made.id)).toEqual(['created']);
      const shown = await partner.admin('GET', `/partner-keys/${made.id}`);
      const { api_key, api_secret, webhook_secret, ...record } = made;
      expect(shown.body).toEqual(record);
      const rows = await partner.rows('SELECT * FROM partner.partner_api_keys WHERE id = $1', [made.id]);
      for (const secret of [api_key, api_secret, webhook_secret]) {
        expect(JSON.stringify(rows)).not.toContain(secret);
      }
    },
  );

  it('has the row that generate_partner_api_key makes, of the same partner', async () => {
    const made = await create({ partner_name: '  Same Partner ' });
    const inSql = await partner.makeKey({ partner: 'Same Partner' });
    const rows = await partner.rows<Record<string, unknown>>(
      'SELECT * FROM partner.partner_api_keys WHERE id = ANY ($1)',
      [[made.id, inSql.keyId]],
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    const [ours, theirs] = [byId.get(made.id), byId.get(inSql.keyId)];
    const itsOwn = new Set([
      'id',
      'api_key_hash',
      'api_secret_hash',
      'key_prefix',
      'created_by',
      'created_at',
      'updated_at',
      'expires_at',
    ]);
    const shared = (row: Record<string, unknown> = {}) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !itsOwn.has(name)));
    expect(shared(ours)).toEqual(shared(theirs));
    expect(ours).toMatchObject({
      partner_name: 'Same Partner',
      api_key_hash: hashKey(made.api_key),
      api_secret_hash: hashKey(made.api_secret),
      key_prefix: made.api_key.slice(0, 12),
      created_by: superAdmin.user_id,
    });
  });

  it('has what was asked for', async () => {
    const key = await partner.makeKey();
    const { companyId } = await partner.makeCompany(key);
    const made = await create({
      company_id: companyId,
      expires_in_days: null,
      allowed_ips: ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32'],
      rate_limit_per_minute: 50,
      permissions: ['companies.read', 'jobs.read'],
    });
    expect(made).toMatchObject({
      company_id: companyId,
      expires_at: null,
      allowed_ips: ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32'],
      status: 'active',
    });
    expect(await verify(made)).toMatchObject({
      principal: { company_id: companyId, permissions: ['companies.read', 'jobs.read'] },
      rate_limit_per_minute: 50,
      valid_until: null,
    });
  });

  it.each([
    ['partner_name', { partner_name: ' ' }],
    ['partner_name', { partner_name: 'x'.repeat(201) }],
    ['environment', { environment: 'staging' }],
    ['expires_in_days', { expires_in_days: 0 }],
    ['expires_in_days', { expires_in_days: 36_501 }],
    ['allowed_ips.0', { allowed_ips: ['10.0.0.0/33'] }],
    ['rate_limit_per_minute', { rate_limit_per_minute: 0 }],
    ['permissions', { permissions: ['everything'] }],
    // Mistyped: without this the key would be good from everywhere.
    ['allowed_ip', { allowed_ip: ['10.0.0.0/8'] }],
  ])('is refused for its %s: %o', async (field, change) => {
    const body = { partner_name: 'X', environment: 'sandbox', ...change };
    const refused = await partner.admin('POST', '/partner-keys', { body });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ code: 'INVALID_INPUT' });
    expect(JSON.stringify(refused.body)).toContain(field);
  });

  it('is refused for a company of the other environment', async () => {
    const key = await partner.makeKey();
    const { companyId } = await partner.makeCompany(key);
    const refused = await partner.admin('POST', '/partner-keys', {
      body: { partner_name: 'X', environment: 'production', company_id: companyId },
    });
    expect(refused).toMatchObject({ status: 404, body: { code: 'COMPANY_NOT_FOUND' } });
  });
});

describe('the list', () => {
  it('is newest first, pages, and finds by name, environment and whether a key is good', async () => {
    const names = ['List 100% One', 'List Two', 'List Three'];
    const made: string[] = [];
    for (const partner_name of names) {
      made.unshift((await create({ partner_name, environment: 'production' })).id);
      clock.advance(1);
    }
    const idsOf = async (query: string) => {
      const answer = await partner.admin('GET', `/partner-keys?${query}`);
      expect(answer.status).toBe(200);
      return {
        ids: (answer.body.partner_keys as { id: string }[]).map((key) => key.id),
        cursor: answer.body.next_cursor as string | null,
      };
    };
    expect((await idsOf('search=list')).ids).toEqual(made);
    expect((await idsOf('search=list&environment=sandbox')).ids).toEqual([]);
    expect((await idsOf('search=0%25%20o')).ids).toEqual([made[2]]);
    expect((await idsOf('search=%25&limit=100')).ids).toEqual([made[2]]);
    const first = await idsOf('search=list&limit=2');
    expect(first.ids).toEqual(made.slice(0, 2));
    expect(await idsOf(`search=list&limit=2&cursor=${first.cursor}`)).toEqual({
      ids: made.slice(2),
      cursor: null,
    });
    await partner.admin('PATCH', `/partner-keys/${made[1]}`, { body: { is_active: false } });
    await partner.admin('PATCH', `/partner-keys/${made[2]}`, {
      body: { expires_at: new Date(clock.now().getTime() + 1000).toISOString() },
    });
    clock.advance(1);
    expect((await idsOf('search=list&active=true')).ids).toEqual([made[0]]);
    expect((await idsOf('search=list&active=false')).ids).toEqual(made.slice(1));
    const expired = await partner.admin('GET', `/partner-keys/${made[2]}`);
    expect(expired.body).toMatchObject({ status: 'expired', is_active: true });
    for (const wrong of ['limit=0', 'limit=101', 'cursor=x', 'active=yes', 'environment=staging']) {
      expect((await partner.admin('GET', `/partner-keys?${wrong}`)).status).toBe(400);
    }
  });
});

describe('a change', () => {
  it('has its effect without a restart, on the gateways too', async () => {
    const made = await create();
    const changed = await partner.admin('PATCH', `/partner-keys/${made.id}`, {
      body: {
        rate_limit_per_minute: 7,
        allowed_ips: ['198.51.100.0/24'],
        expires_at: null,
        permissions: ['jobs.read'],
      },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { rate_limit_per_minute: 7, allowed_ips: ['198.51.100.0/24'], expires_at: null, is_active: true },
    });
    expect(await verify(made)).toMatchObject({
      rate_limit_per_minute: 7,
      allowed_ips: ['198.51.100.0/24'],
      valid_until: null,
      principal: { permissions: ['jobs.read'] },
    });
    expect(await changesOf(made.id)).toEqual(['created', 'updated']);
    await partner.admin('PATCH', `/partner-keys/${made.id}`, { body: { is_active: false } });
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'disabled' });
    await partner.admin('PATCH', `/partner-keys/${made.id}`, { body: { is_active: true } });
    expect(await verify(made)).toMatchObject({ ok: true, rate_limit_per_minute: 7 });
  });

  it.each([
    [{}, 'must change something'],
    [{ partner_name: 'Other' }, 'must change something'],
    [{ expires_at: START }, 'must be in the future'],
    [{ expires_at: 'tomorrow' }, 'expires_at'],
    [{ expires_at: '9999-12-31T23:59:59-12:00' }, 'expires_at'],
    [{ rate_limit_per_minute: 1.5 }, 'rate_limit_per_minute'],
  ])('%o is refused', async (body, words) => {
    const made = await create();
    clock.advance(1);
    const refused = await partner.admin('PATCH', `/partner-keys/${made.id}`, { body });
    expect(refused).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    expect(JSON.stringify(refused.body)).toContain(words);
  });

  it('of an unknown key is 404, of no key at all 400', async () => {
    const path = `/partner-keys/${partner.data.ids.next()}`;
    const unknown = { status: 404, body: { code: 'KEY_NOT_FOUND' } };
    expect(await partner.admin('GET', path)).toMatchObject(unknown);
    expect(await partner.admin('PATCH', path, { body: { is_active: true } })).toMatchObject(unknown);
    expect(await partner.admin('POST', `${path}/revoke`)).toMatchObject(unknown);
    expect(await partner.admin('POST', `${path}/rotate`, { body: {} })).toMatchObject(unknown);
    expect(await partner.admin('GET', `${path}/usage`)).toMatchObject(unknown);
    expect(await partner.admin('GET', `${path}/requests`)).toMatchObject(unknown);
    expect(await partner.admin('GET', `${path}/webhooks`)).toMatchObject(unknown);
    expect(await partner.admin('POST', `${path}/webhooks/retry-failed`)).toMatchObject(unknown);
    expect((await partner.admin('GET', '/partner-keys/x')).status).toBe(400);
  });
});

describe('a rotation', () => {
  it('keeps the old secret for its overlap, and shows when it was last used', async () => {
    const made = await create({ partner_name: 'Rotated' });
    const rotated = await partner.admin('POST', `/partner-keys/${made.id}/rotate`, {
      body: { overlap_seconds: 3_600 },
    });
    expect(rotated).toMatchObject({ status: 200, body: { webhook_secret: null } });
    const renewed = { ...made, api_secret: String(rotated.body.api_secret) };
    const show = async () => (await partner.admin('GET', `/partner-keys/${made.id}`)).body;
    const lastUse = async () => (await show()).previous_secret_last_used_at;
    const { updated_at: changedAt } = await show();

    expect(await verify(renewed)).toMatchObject({ ok: true });
    expect(await lastUse()).toBeNull();
    const firstUse = clock.now().toISOString();
    expect(await verify(made)).toMatchObject({
      ok: true,
      valid_until: rotated.body.previous_secret_expires_at,
    });
    await waitFor(async () => (await lastUse()) === firstUse, { what: 'the use of the old secret' });
    const listed = await partner.admin('GET', '/partner-keys?search=Rotated');
    expect(Object(listed.body.partner_keys)[0]).toMatchObject({ previous_secret_last_used_at: firstUse });

    // Within the minute nothing is written, and nothing about a secret that is not the old one.
    const use = { keyId: made.id, secretHash: hashKey(made.api_secret) };
    clock.advance(59);
    await touchOldSecret(partner.data.db, { ...use, at: clock.now() });
    clock.advance(1);
    await touchOldSecret(partner.data.db, { ...use, secretHash: hashKey('other'), at: clock.now() });
    expect(await lastUse()).toBe(firstUse);
    await verify(made);
    const secondUse = clock.now().toISOString();
    await waitFor(async () => (await lastUse()) === secondUse, { what: 'the use a minute later' });
    // Being used is no change: nobody is told to forget the key.
    expect(await show()).toMatchObject({ updated_at: changedAt });
    expect(await changesOf(made.id)).toEqual(['created', 'updated']);

    clock.advance(3_600);
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'wrong_secret' });
    expect(await verify(renewed)).toMatchObject({ ok: true });
    await partner.admin('POST', `/partner-keys/${made.id}/rotate`, { body: {} });
    // Of the next old secret nobody knows a use yet.
    expect(await lastUse()).toBeNull();
  });

  it('with an overlap of 0 ends the old secret at once, and renews the webhook secret when asked to', async () => {
    const made = await create();
    const rotated = await partner.admin('POST', `/partner-keys/${made.id}/rotate`, {
      body: { overlap_seconds: 0, rotate_webhook_secret: true },
    });
    expect(rotated.body).toMatchObject({
      previous_secret_expires_at: null,
      webhook_secret: deriveWebhookSecret(WEBHOOK_SECRET, { keyId: made.id, version: 2 }),
    });
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'wrong_secret' });
    expect(await verify({ ...made, api_secret: String(rotated.body.api_secret) })).toMatchObject({
      ok: true,
    });
  });

  it('needs no body: the old secret is good for a day more', async () => {
    const made = await create();
    expect(await partner.admin('POST', `/partner-keys/${made.id}/rotate`)).toMatchObject({
      status: 200,
      body: {
        webhook_secret: null,
        previous_secret_expires_at: new Date(clock.now().getTime() + 86_400_000).toISOString(),
      },
    });
  });

  it.each([-1, 30 * 86_400 + 1, 1.5])('refuses an overlap of %d seconds', async (overlap_seconds) => {
    const made = await create();
    const refused = await partner.admin('POST', `/partner-keys/${made.id}/rotate`, {
      body: { overlap_seconds },
    });
    expect(refused.status).toBe(400);
    expect(await verify(made)).toMatchObject({ ok: true });
  });
});

describe('a revocation', () => {
  it('is final, and done again is as good as once', async () => {
    const made = await create();
    const revoked = await partner.admin('POST', `/partner-keys/${made.id}/revoke`);
    expect(revoked).toMatchObject({ status: 200, body: { status: 'revoked', is_active: false } });
    expect(await verify(made)).toMatchObject({ ok: false, reason: 'disabled' });
    clock.advance(10);
    expect(await partner.admin('POST', `/partner-keys/${made.id}/revoke`)).toEqual({
      ...revoked,
      headers: expect.anything(),
    });
    expect(await changesOf(made.id)).toEqual(['created', 'revoked']);
    const final = { status: 409, body: { code: 'KEY_REVOKED' } };
    const path = `/partner-keys/${made.id}`;
    for (const body of [{ is_active: true }, { expires_at: null }, { rate_limit_per_minute: 1 }]) {
      expect(await partner.admin('PATCH', path, { body })).toMatchObject(final);
    }
    expect(await partner.admin('POST', `${path}/rotate`, { body: {} })).toMatchObject(final);
  });
});

it('keys are administered while the partner API is switched off', async () => {
  const off = await startTestPartner({ enabled: false });
  try {
    const body = { partner_name: 'X', environment: 'sandbox' };
    expect((await off.admin('POST', '/partner-keys', { body })).status).toBe(201);
    expect(await off.admin('GET', '/partner-keys')).toMatchObject({ status: 200 });
  } finally {
    await off.close();
  }
});
