import { type AdminAct, partnerAdminRoutes, userRoles } from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Callbacks, startCallbacks } from './support/callbacks.ts';
import {
  type Answer,
  type MadeKey,
  startTestPartner,
  superAdmin,
  type TestPartner,
} from './support/partner.ts';

let partner: TestPartner;
let key: MadeKey;
let deliveryId: string;
let callbacks: Callbacks;

beforeAll(async () => {
  partner = await startTestPartner({ consumers: true, allowPrivateTargets: true });
  callbacks = await startCallbacks(partner);
  key = await partner.makeKey();
  ({ deliveryId } = await callbacks.giveUpOne(key, await partner.makeCompany(key)));
});
afterAll(async () => {
  await callbacks.close();
  await partner.close();
});

const headers = {
  'user-agent': 'test/1',
  'x-forwarded-for': '203.0.113.7',
  'x-request-id': 'req-of-this-test',
};

type Ask = () => Promise<Answer>;
type WriteName = {
  [Name in keyof typeof partnerAdminRoutes]: (typeof partnerAdminRoutes)[Name]['method'] extends 'GET'
    ? never
    : Name;
}[keyof typeof partnerAdminRoutes];

const post =
  (path: string, body?: unknown): Ask =>
  () =>
    partner.admin('POST', path, { ...(body ? { body } : {}), headers });

/** How each route that writes is asked, and the act it has to leave. A new one without an entry does not compile. */
const writes = (): Record<WriteName, { readonly ask: Ask; readonly act: Partial<AdminAct> }> => ({
  createKey: {
    ask: post('/partner-keys', {
      partner_name: 'Audited',
      environment: 'production',
      rate_limit_per_minute: 5,
    }),
    act: {
      action: 'partner_key.create',
      target: { type: 'partner_key', id: expect.any(String), name: 'Audited' },
      before: null,
      after: expect.objectContaining({
        environment: 'production',
        rate_limit_per_minute: 5,
        company_id: null,
      }),
    },
  },
  updateKey: {
    ask: () =>
      partner.admin('PATCH', `/partner-keys/${key.keyId}`, {
        body: { rate_limit_per_minute: 9, allowed_ips: ['203.0.113.7'] },
        headers,
      }),
    act: {
      action: 'partner_key.update',
      before: { rate_limit_per_minute: 1000, allowed_ips: [] },
      after: { rate_limit_per_minute: 9, allowed_ips: ['203.0.113.7'] },
    },
  },
  rotateKey: {
    ask: post(`/partner-keys/${key.keyId}/rotate`, { rotate_webhook_secret: true }),
    act: {
      action: 'partner_key.rotate',
      before: { webhook_secret_version: 1 },
      after: { webhook_secret_version: 2, previous_secret_expires_at: expect.any(String) },
    },
  },
  retryWebhook: {
    ask: post(`/partner-keys/webhooks/${deliveryId}/retry`),
    act: { action: 'partner_webhook.retry', after: expect.objectContaining({ partner_key_id: key.keyId }) },
  },
  retryFailedWebhooks: {
    ask: post(`/partner-keys/${key.keyId}/webhooks/retry-failed`),
    act: { action: 'partner_key.retry_webhooks' },
  },
  revokeKey: {
    ask: post(`/partner-keys/${key.keyId}/revoke`),
    act: { action: 'partner_key.revoke', before: { is_active: true }, after: { is_active: false } },
  },
});

const actsSince = async (position: number) =>
  partner.rows<{ data: AdminAct; position: string }>(
    "SELECT data, position FROM partner.outbox WHERE subject = 'partner.admin.acted' AND position > $1 ORDER BY position",
    [position],
  );
const lastPosition = async () =>
  Number(
    (await partner.rows<{ last: string }>('SELECT coalesce(max(position), 0) AS last FROM partner.outbox'))[0]
      ?.last,
  );

const routesThatWrite = Object.entries(partnerAdminRoutes).filter(([, route]) => route.method !== 'GET');

describe('an act', () => {
  it('of every route that writes is on record exactly once, with who, what and from where, and no secret', async () => {
    const table: Record<string, { readonly ask: Ask; readonly act: Partial<AdminAct> }> = writes();
    expect(Object.keys(table).toSorted()).toEqual(routesThatWrite.map(([name]) => name).toSorted());
    for (const [name, { ask, act }] of Object.entries(table)) {
      const before = await lastPosition();
      const answer = await ask();
      expect({ name, status: answer.status }).toEqual({ name, status: name === 'createKey' ? 201 : 200 });
      const acts = await actsSince(before);
      expect({ name, acts: acts.length }).toEqual({ name, acts: 1 });
      expect(acts[0]?.data).toMatchObject({
        ...act,
        actor: { user_id: superAdmin.user_id, email: superAdmin.email, role: 'super_admin' },
        ip: '203.0.113.7',
        user_agent: 'test/1',
        request_id: 'req-of-this-test',
      });
      // Keys, secrets, webhook secrets, and the hashes of any.
      expect(JSON.stringify(acts)).not.toMatch(/pk_|sk_|whsec_|[0-9a-f]{64}|token=/);
    }
  });

  it('that changed nothing, or was refused, leaves no record', async () => {
    const before = await lastPosition();
    const path = `/partner-keys/${key.keyId}`;
    expect((await partner.admin('POST', `${path}/revoke`)).status).toBe(200);
    expect((await partner.admin('PATCH', path, { body: { is_active: true } })).status).toBe(409);
    expect((await partner.admin('POST', `${path}/rotate`, { body: {} })).status).toBe(409);
    expect((await partner.admin('POST', '/partner-keys', { body: {} })).status).toBe(400);
    const unknown = `/partner-keys/webhooks/${partner.data.ids.next()}/retry`;
    expect(await partner.admin('POST', unknown)).toMatchObject({
      status: 404,
      body: { code: 'DELIVERY_NOT_FOUND' },
    });
    expect(await actsSince(before)).toEqual([]);
  });
});

describe('a change', () => {
  it('that is asked for again, because its answer was lost, is one act', async () => {
    const { keyId } = await partner.makeKey();
    const before = await lastPosition();
    const body = { allowed_ips: ['203.0.113.7', '10.0.0.0/8'], expires_at: null, permissions: { all: true } };
    for (let n = 0; n < 2; n += 1) {
      expect((await partner.admin('PATCH', `/partner-keys/${keyId}`, { body })).status).toBe(200);
    }
    expect((await actsSince(before)).map(({ data }) => data.action)).toEqual(['partner_key.update']);
  });
});

describe('nobody but a super_admin', () => {
  const allRoutes = Object.values(partnerAdminRoutes);
  const pathOf = (path: string) => path.replace('/api/admin/v1', '').replace(/:\w+/g, () => key.keyId);

  it.each(userRoles.filter((role) => role !== 'super_admin'))(
    'such as %s gets an answer of any route',
    async (role) => {
      const before = await lastPosition();
      for (const { method, path, id } of allRoutes) {
        const answer = await partner.admin(method, pathOf(path), {
          principal: { ...superAdmin, role },
          ...(method === 'GET' ? {} : { body: { is_active: true } }),
        });
        expect({ id, status: answer.status, code: answer.body.code }).toEqual({
          id,
          status: 403,
          code: 'INSUFFICIENT_ROLE',
        });
      }
      expect(await lastPosition()).toBe(before);
    },
  );

  it('such as a partner, or a program without a user', async () => {
    for (const principal of [key.principal, { kind: 'anon' as const }]) {
      for (const { method, path } of allRoutes) {
        expect(await partner.admin(method, pathOf(path), { principal })).toMatchObject({
          status: 401,
          body: { code: 'WRONG_CREDENTIAL_KIND' },
        });
      }
    }
  });
});
