import {
  identityAdminRoutes,
  identityEvents,
  partnerEvents,
  type RouteContract,
  ticketEvents,
  type UserPrincipal,
  webhookEvents,
} from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_API, asPrincipal, makeAdministrator } from './support/administrators.ts';
import { GOOD_PASSWORD, startTestIdentity, type TestIdentity } from './support/identity.ts';

const LOG = `${ADMIN_API}/audit-log`;
let identity: TestIdentity;
let superAdmin: UserPrincipal;

beforeAll(async () => {
  identity = await startTestIdentity({ consumers: true });
  superAdmin = await makeAdministrator(identity);
});
afterAll(() => identity.close());

const kept = async (query = '') =>
  (await identity.call(superAdmin, 'GET', `${LOG}?limit=100&${query}`)).body.entries;
/** Acts of the tests before come in the background, and would move the pages of whoever reads meanwhile. */
const untilAllAreKept = () =>
  waitFor(
    async () => {
      const missing = await identity.rows(
        `SELECT FROM identity.outbox WHERE subject = 'identity.admin.acted'
           AND NOT EXISTS (SELECT FROM identity.audit_log WHERE audit_log.id = outbox.id)`,
      );
      return missing.length === 0;
    },
    { what: 'every act to be kept' },
  );
const rowsOf = (requestId: string) =>
  identity.rows('SELECT * FROM identity.audit_log WHERE request_id = $1', [requestId]);

interface Case {
  /** Gives the id of what it is about. */
  readonly prepare?: () => Promise<string>;
  readonly body?: unknown;
  readonly action: string;
  readonly before: object | null;
  readonly after: object;
}

const makeKey = async () =>
  (await identity.call(superAdmin, 'POST', `${ADMIN_API}/api-keys`, { body: { name: 'Key' } })).body.id;
const makeUser = async () => (await identity.makeUser()).id;
const makeDisabled = async () => {
  const id = await makeUser();
  await identity.call(superAdmin, 'POST', `${ADMIN_API}/users/${id}/disable`);
  return id;
};

/** One for each route that writes. A new route without a case fails below, and so does one that leaves no record. */
const cases: Readonly<Record<string, Case>> = {
  'admin.api_keys.create': {
    body: { name: 'Dialer', account: 'CompanyX' },
    action: 'api_key.create',
    before: null,
    after: { name: 'Dialer', account: 'CompanyX', is_active: true },
  },
  'admin.api_keys.update': {
    prepare: makeKey,
    body: { rate_limit_per_minute: 5, is_active: false, name: 'Key' },
    action: 'api_key.update',
    before: { rate_limit_per_minute: 100, is_active: true },
    after: { rate_limit_per_minute: 5, is_active: false },
  },
  'admin.api_keys.rotate': {
    prepare: makeKey,
    action: 'api_key.rotate',
    before: { previous_secret_expires_at: null },
    after: { previous_secret_expires_at: expect.any(String) },
  },
  'admin.api_keys.revoke': {
    prepare: makeKey,
    action: 'api_key.revoke',
    before: { is_active: true, revoked_at: null },
    after: { is_active: false, revoked_at: expect.any(String) },
  },
  'admin.users.create': {
    body: { email: 'kept@example.com', password: GOOD_PASSWORD, role: 'agent' },
    action: 'user.create',
    before: null,
    after: { email: 'kept@example.com', role: 'agent', business_id: null, with_password: true },
  },
  'admin.users.update': {
    prepare: makeUser,
    body: { role: 'admin', business_id: 'b-1' },
    action: 'user.change_role',
    before: { role: 'user', business_id: null },
    after: { role: 'admin', business_id: 'b-1' },
  },
  'admin.users.disable': {
    prepare: makeUser,
    action: 'user.disable',
    before: { disabled_at: null },
    after: { disabled_at: expect.any(String), sessions_ended: 0 },
  },
  'admin.users.enable': {
    prepare: makeDisabled,
    action: 'user.enable',
    before: { disabled_at: expect.any(String) },
    after: { disabled_at: null },
  },
  'admin.users.sign_out': {
    prepare: makeUser,
    action: 'user.sign_out',
    before: { open_sessions: 0 },
    after: { open_sessions: 0 },
  },
  'admin.signing_keys.rotate': {
    body: { immediately: true },
    action: 'signing_key.rotate',
    before: { kids: [expect.any(String)] },
    after: { kid: expect.any(String), signs_from: expect.any(String), revoked: [] },
  },
};

const writes = Object.values(identityAdminRoutes as Record<string, RouteContract>).filter(
  // What a provider reports is no administrator's act; that a key ended for it is kept all the same (see the test of leaks).
  ({ method, credentials }) => method !== 'GET' && credentials.includes('user'),
);

describe('every route that writes', () => {
  test.each(writes)(
    '$id leaves exactly one record, with what was and what is, and no secret',
    async (route) => {
      const plan = cases[route.id];
      if (!plan) throw new Error(`say in this file what ${route.id} writes down`);
      const id = await plan.prepare?.();
      const requestId = `audit-${route.id}`;
      const answer = await identity.call(superAdmin, route.method, route.path.replace(':id', id ?? ''), {
        ...(plan.body === undefined ? {} : { body: plan.body }),
        headers: { 'x-request-id': requestId },
        ip: '198.51.100.9',
      });
      expect(answer.status).toBeLessThan(300);
      await waitFor(async () => (await rowsOf(requestId)).length > 0, { what: `the record of ${route.id}` });
      const rows = await rowsOf(requestId);
      expect(rows).toMatchObject([
        {
          service: 'identity-service',
          action: plan.action,
          actor_user_id: superAdmin.user_id,
          actor_email: superAdmin.email,
          actor_role: 'super_admin',
          target_id: id ?? answer.body.id ?? answer.body.kid,
          before: plan.before,
          after: plan.after,
          ip: '198.51.100.9',
          user_agent: 'identity-test',
        },
      ]);
      // The event and its record are all that was emitted about it, and neither they nor the log hold a secret.
      const acts = await identity.rows(
        "SELECT data::text AS text FROM identity.outbox WHERE subject = 'identity.admin.acted' AND data->>'request_id' = $1",
        [requestId],
      );
      expect(acts).toHaveLength(1);
      const written = `${JSON.stringify(rows)}${acts[0].text}`;
      for (const secret of [answer.body.api_key, answer.body.api_secret, GOOD_PASSWORD]) {
        if (secret !== undefined) expect(written).not.toContain(secret);
      }
      expect(written).not.toMatch(/[0-9a-f]{64}|argon2|PRIVATE KEY/);
    },
  );

  test.each(writes)('$id that is refused leaves none', async (route) => {
    const requestId = `refused-${route.id}`;
    const somebody = asPrincipal({ ...(await identity.makeUser()), role: 'user' });
    const refused = await identity.call(
      somebody,
      route.method,
      route.path.replace(':id', '0192f0c1-2b3c-7d4e-8f50-617283940a1b'),
      { body: cases[route.id]?.body ?? {}, headers: { 'x-request-id': requestId } },
    );
    expect(refused.body.code).toBe('INSUFFICIENT_ROLE');
    const acts = await identity.rows(
      "SELECT 1 FROM identity.outbox WHERE subject = 'identity.admin.acted' AND data->>'request_id' = $1",
      [requestId],
    );
    expect(acts).toEqual([]);
  });

  test('changes nothing, and says nothing, where what is asked for is so already', async () => {
    const id = await makeUser();
    const headers = { 'x-request-id': 'no-change' };
    await identity.call(superAdmin, 'PATCH', `${ADMIN_API}/users/${id}`, { body: { role: 'user' }, headers });
    await identity.call(superAdmin, 'POST', `${ADMIN_API}/users/${id}/enable`, { headers });
    const key = await makeKey();
    await identity.call(superAdmin, 'PATCH', `${ADMIN_API}/api-keys/${key}`, {
      body: { name: 'Key' },
      headers,
    });
    expect(
      await identity.rows("SELECT 1 FROM identity.outbox WHERE data->>'request_id' = 'no-change'"),
    ).toEqual([]);
  });
});

describe('the log', () => {
  const example = identityEvents.adminActed.example;

  test('keeps acts of every service, each once however often it is told', async () => {
    const ids = [
      '0192f0c1-2b3c-7d4e-8f50-617283940b01',
      '0192f0c1-2b3c-7d4e-8f50-617283940b02',
      '0192f0c1-2b3c-7d4e-8f50-617283940b03',
    ] as const;
    const target = { type: 'thing', id: 't-1', name: null };
    for (let times = 0; times < 2; times += 1) {
      await identity.bus.publishEvent(
        partnerEvents.adminActed,
        { ...example, target, action: 'partner_key.revoke' },
        { source: 'partner-service', id: ids[0] },
      );
      await identity.bus.publishEvent(
        ticketEvents.adminActed,
        { ...example, target, action: 'integration_token.revoke' },
        { source: 'ticket-service', id: ids[1] },
      );
      await identity.bus.publishEvent(
        webhookEvents.adminActed,
        { ...example, target, action: 'webhook_endpoint.disable' },
        { source: 'webhook-dispatcher', id: ids[2] },
      );
    }
    const found = () => kept('target_type=thing&target_id=t-1');
    await waitFor(async () => (await found()).length === 3);
    expect(
      (await found()).map(({ service, id }: { service: string; id: string }) => [service, id]).sort(),
    ).toEqual([
      ['partner-service', ids[0]],
      ['ticket-service', ids[1]],
      ['webhook-dispatcher', ids[2]],
    ]);
    expect(await kept('service=ticket-service')).toHaveLength(1);
    expect(await kept('action=partner_key.revoke')).toHaveLength(1);
    expect(await kept(`actor=${example.actor?.user_id}`)).toHaveLength(3);
  });

  test('is read by admins too, is paged, and is cut by time', async () => {
    const admin = await makeAdministrator(identity, 'admin');
    await untilAllAreKept();
    const all = await kept();
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await identity.call(admin, 'GET', `${LOG}?limit=4${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.body.entries.map(({ id }: { id: string }) => id));
      if (page.body.next_cursor === null) break;
      cursor = page.body.next_cursor;
    }
    expect(seen).toEqual(all.map(({ id }: { id: string }) => id));
    const { at } = all[3];
    const until = await kept(`to=${at}`);
    const from = await kept(`from=${at}`);
    expect(until.length + from.length).toBe(all.length);
    expect(from.at(-1).at).toBe(at);
  });

  test('is only added to: not even the service can change what was done', async () => {
    const { db } = identity.deps.data;
    await expect(db.deleteFrom('audit_log').execute()).rejects.toThrow('only added to');
    await expect(db.updateTable('audit_log').set({ action: 'x.y' }).execute()).rejects.toThrow(
      'only added to',
    );
    await expect(identity.rows('TRUNCATE identity.audit_log')).rejects.toThrow('only added to');
  });
});
