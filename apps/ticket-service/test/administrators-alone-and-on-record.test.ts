import {
  type AdminAct,
  createManualClock,
  surfaces,
  ticketAdminRoutes,
  userRoles,
} from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestTickets, type TestTickets, TOKENS, tokenPrincipal, userOf } from './support/tickets.ts';

const START = '2026-03-01T12:00:00.000Z';
const clock = createManualClock(START);

let tickets: TestTickets;
beforeAll(async () => {
  tickets = await startTestTickets({ clock });
});
afterAll(() => tickets.close());

const acts = () => tickets.events<AdminAct>('tickets.admin.acted');
const entries = Object.entries(ticketAdminRoutes);
const writes = entries.filter(([, { method }]) => method !== 'GET');
const pathOf = (path: string, tokenId: string): string => path.replace(':token_id', tokenId);

/** What to send to each route that writes, and what its record has to say. A new route without a line here fails. */
const expected: Record<
  string,
  {
    body?: unknown;
    /** It is asked of a token that was disabled before. */
    isDisabled?: boolean;
    action: string;
    before: Record<string, unknown> | null;
    after: Record<string, unknown> | null;
  }
> = {
  createToken: {
    body: { name: 'Audited' },
    action: 'integration_token.create',
    before: null,
    after: {
      name: 'Audited',
      status: 'active',
      rate_limit_per_hour: 1000,
      allowed_endpoints: ['*'],
      expires_at: null,
    },
  },
  updateToken: {
    body: { rate_limit_per_hour: 5, allowed_ips: ['10.0.0.0/8'], expires_at: '2027-01-01T00:00:00Z' },
    action: 'integration_token.update',
    before: { rate_limit_per_hour: 1000, allowed_ips: [], expires_at: null },
    after: { rate_limit_per_hour: 5, allowed_ips: ['10.0.0.0/8'], expires_at: '2027-01-01T00:00:00.000Z' },
  },
  regenerateToken: {
    body: { overlap_seconds: 60 },
    action: 'integration_token.regenerate',
    before: { token_prefix: expect.stringMatching(/^stk_/), previous_token_expires_at: null },
    after: {
      token_prefix: expect.stringMatching(/^stk_/),
      previous_token_expires_at: '2026-03-01T12:01:00.000Z',
    },
  },
  disableToken: {
    action: 'integration_token.disable',
    before: { status: 'active' },
    after: { status: 'disabled' },
  },
  enableToken: {
    isDisabled: true,
    action: 'integration_token.enable',
    before: { status: 'disabled' },
    after: { status: 'active' },
  },
  revokeToken: {
    action: 'integration_token.revoke',
    before: { status: 'active', revoked_at: null },
    after: { status: 'revoked', revoked_at: START },
  },
  deleteToken: {
    action: 'integration_token.delete',
    before: { status: 'active', revoked_at: null },
    after: null,
  },
};

describe('every administrative act is on record', () => {
  it.each(writes)('%s', async (name, route) => {
    const wanted = expected[name];
    if (!wanted) throw new Error(`say in this test what the record of ${name} is`);
    const { id, token } = await tickets.makeToken();
    if (wanted.isDisabled) await tickets.ask('POST', `/${id}/disable`);
    const before = await acts();
    const answer = await tickets.call(tickets.admin, route.method, pathOf(route.path, id), {
      ...(wanted.body === undefined ? {} : { body: wanted.body }),
      headers: { 'x-request-id': 'req-of-the-act' },
    });
    expect(answer.status).toBeLessThan(300);
    const made = (await acts()).slice(before.length);
    expect(made).toHaveLength(1);
    const [act] = made;
    expect(act).toMatchObject({
      action: wanted.action,
      actor: { user_id: tickets.admin.user_id, email: 'admin@example.com', role: 'admin' },
      target: { type: 'integration_token', id: name === 'createToken' ? answer.body.id : id },
      ip: '203.0.113.7',
      user_agent: 'a-test/1.0',
      request_id: 'req-of-the-act',
    });
    if (name === 'createToken') expect(act?.after).toMatchObject(wanted.after ?? {});
    else expect([act?.before, act?.after]).toEqual([wanted.before, wanted.after]);
    const words = JSON.stringify(made);
    for (const secret of [token, answer.body?.token].filter(Boolean)) expect(words).not.toContain(secret);
    expect(words).not.toMatch(/[0-9a-f]{64}/);
  });

  it.each(writes)('%s that fails leaves neither a record nor an effect', async (_name, route) => {
    const before = await acts();
    const unknown = tickets.data.ids.next();
    const answer = await tickets.call(tickets.admin, route.method, pathOf(route.path, unknown), {
      body:
        route === ticketAdminRoutes.createToken
          ? { name: '' }
          : route.method === 'PATCH'
            ? { name: 'X' }
            : {},
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(await acts()).toHaveLength(before.length);
  });

  it('a repeated request is no second act', async () => {
    const before = await acts();
    for (let n = 0; n < 3; n += 1) {
      await tickets.ask('POST', '', { name: 'Repeated' }, { 'idempotency-key': 'one-act' });
    }
    expect(await acts()).toHaveLength(before.length + 1);
  });

  it('what is so already is no act: whoever asks again because an answer was lost has acted once', async () => {
    const { id } = await tickets.makeToken({ expires_at: '2026-03-20T00:00:00Z' });
    const before = await acts();
    const patch = {
      rate_limit_per_hour: 7,
      allowed_ips: ['10.0.0.1', '10.1.0.0/16'],
      metadata: { team: 'A' },
    };
    for (let n = 0; n < 2; n += 1) await tickets.ask('PATCH', `/${id}`, patch);
    for (const act of ['disable', 'enable', 'revoke']) {
      for (let n = 0; n < 2; n += 1) await tickets.ask('POST', `/${id}/${act}`);
    }
    expect((await acts()).slice(before.length).map(({ action }) => action)).toEqual([
      'integration_token.update',
      'integration_token.disable',
      'integration_token.enable',
      'integration_token.revoke',
    ]);
  });

  it('reading is none', async () => {
    const { id } = await tickets.makeToken();
    const before = await acts();
    for (const path of ['', `/${id}`, `/${id}/usage`, `/${id}/usage/summary`]) {
      expect((await tickets.ask('GET', path)).status).toBe(200);
    }
    expect(await acts()).toHaveLength(before.length);
  });
});

describe('nobody but an administrator', () => {
  it.each(entries)('may use %s', async (name, route) => {
    const { id } = await tickets.makeToken();
    expect(surfaces[route.surface].dialect).toBe('problem');
    const before = await acts();
    const options = expected[name]?.body === undefined ? {} : { body: expected[name].body };
    for (const role of userRoles) {
      const answer = await tickets.call(
        userOf(role, tickets.data.ids.next()),
        route.method,
        pathOf(route.path, id),
        role === 'admin' || role === 'super_admin' ? { raw: '{' } : options,
      );
      // Administrators get past the door, to be told that their body is no JSON; a GET has none.
      if (role === 'admin' || role === 'super_admin') expect([200, 400]).toContain(answer.status);
      else expect(answer).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_ROLE' } });
    }
    const token = await tickets.call(tokenPrincipal(id), route.method, pathOf(route.path, id), options);
    expect(token).toMatchObject({ status: 401, body: { code: 'WRONG_CREDENTIAL_KIND' } });
    const nobody = await tickets.app.inject({ method: route.method, url: pathOf(route.path, id) });
    expect(nobody.statusCode).toBe(401);
    expect(await acts()).toHaveLength(before.length);
  });
});

describe('hostile input is refused, and the fault named', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  const cases: [string, Record<string, unknown>][] = [
    ['name', {}],
    ['name', { name: null }],
    ['name', { name: '   ' }],
    ['name', { name: 'x'.repeat(201) }],
    ['name', { name: 'a\u0000b' }],
    ['name', { name: ['x'] }],
    ['description', { description: 'x'.repeat(2001) }],
    ['description', { description: '' }],
    ['rate_limit_per_hour', { rate_limit_per_hour: 0 }],
    ['rate_limit_per_hour', { rate_limit_per_hour: -1 }],
    ['rate_limit_per_hour', { rate_limit_per_hour: 1.5 }],
    ['rate_limit_per_hour', { rate_limit_per_hour: 1e10 }],
    ['rate_limit_per_hour', { rate_limit_per_hour: '10' }],
    ['expires_at', { expires_at: START }],
    ['expires_at', { expires_at: '2020-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: '9999-12-31T23:59:59-12:00' }],
    ['expires_at', { expires_at: 'tomorrow' }],
    ['expires_at', { expires_at: '2027-02-30T00:00:00Z' }],
    ['expires_at', { expires_at: 1_800_000_000 }],
    ['allowed_endpoints', { allowed_endpoints: [] }],
    ['allowed_endpoints', { allowed_endpoints: '*' }],
    ['allowed_endpoints', { allowed_endpoints: Array(101).fill('*') }],
    ...[
      'tickets',
      'POST',
      'POST tickets',
      'post /tickets',
      'POST  /tickets',
      'POST /tickets?x=1',
      'POST /tickets/../users',
      'POST //tickets',
      'POST /tickets//x',
      'CONNECT /tickets',
      '**',
      '.*',
      'GET /(a+)+$',
      'GET /tickets/%2e%2e',
      'GET /tickets\u0000',
      `GET /${'a/'.repeat(5_000)}`,
      'GET /tickets\n',
    ].map((pattern): [string, Record<string, unknown>] => [
      'allowed_endpoints.0',
      { allowed_endpoints: [pattern] },
    ]),
    ['allowed_endpoints.0', { allowed_endpoints: [null] }],
    ['allowed_ips.0', { allowed_ips: ['10.0.0.0/33'] }],
    ['allowed_ips.0', { allowed_ips: ['localhost'] }],
    ['allowed_ips.0', { allowed_ips: ['fe80::1%eth0'] }],
    ['allowed_ips.0', { allowed_ips: ["1.1.1.1'; DROP TABLE x"] }],
    ['allowed_ips.0', { allowed_ips: [1] }],
    ['metadata', { metadata: deep(21) }],
    ['metadata', { metadata: { a: 'x'.repeat(17_000) } }],
    ['metadata', { metadata: { a: 'b\u0000' } }],
    ['metadata', { metadata: { 'a\u0000': 1 } }],
    ['metadata', { metadata: [] }],
    ['metadata', { metadata: 'x' }],
    ['owner_user_id', { owner_user_id: 'me' }],
    ['owner_user_id', { owner_user_id: { $ne: null } }],
    // Not of the caller's to say.
    ['status', { status: 'active' }],
    ['token_hash', { token_hash: 'a'.repeat(64) }],
    ['id', { id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b' }],
    ['created_by', { created_by: null }],
  ];

  it.each(cases)('%s: %j', async (field, fields) => {
    const { id } = await tickets.makeToken();
    const { body: before } = await tickets.ask('GET', `/${id}`);
    const body = 'name' in fields || field === 'name' ? fields : { name: 'X', ...fields };
    const created = await tickets.ask('POST', '', body);
    const changed = await tickets.ask('PATCH', `/${id}`, fields);
    for (const answer of [created, changed]) {
      expect(answer.status).toBe(400);
      expect(answer.body.code).toMatch(/^INVALID_/);
      const isEmptyPatch = answer === changed && Object.keys(fields).length === 0;
      if (!isEmptyPatch) expect(JSON.stringify(answer.body)).toContain(field.split('.')[0]);
    }
    expect((await tickets.ask('GET', `/${id}`)).body).toEqual(before);
  });

  it('prototypes are not polluted and bombs do not go off', async () => {
    for (const raw of [
      '{"name":"x","__proto__":{"status":"revoked"}}',
      '{"name":"x","metadata":{"__proto__":{"a":1}}}',
      '{"name":"x","metadata":{"constructor":{"prototype":{"a":1}}}}',
      `{"name":"x","metadata":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
      `{"name":"x","metadata":{"a":[${'1,'.repeat(300_000)}1]}}`,
      `{"name":"x","metadata":{"a":"${'\\u0000'.repeat(10)}"}}`,
      '{"name":"x","metadata":{"a":"\\ud800"}}',
      '[]',
      '"x"',
      'null',
      '',
    ]) {
      const answer = await tickets.call(tickets.admin, 'POST', TOKENS, { raw });
      expect([raw.slice(0, 60), answer.status]).toEqual([raw.slice(0, 60), 400]);
    }
  });

  it('a query is checked, and says what is wrong', async () => {
    const { id } = await tickets.makeToken();
    for (const [path, field] of [
      ['?limit=0', 'limit'],
      ['?limit=101', 'limit'],
      ['?limit=1e1', 'limit'],
      ['?status=deleted', 'status'],
      ['?status=active&status=revoked', 'status'],
      ['?cursor=nonsense', 'cursor'],
      [`?search=${'x'.repeat(201)}`, 'search'],
      ['?search=%00', 'search'],
      [`/${id}/usage?status=4x`, 'status'],
      [`/${id}/usage?status=600`, 'status'],
      [`/${id}/usage?method=BREW`, 'method'],
      [`/${id}/usage?from=yesterday`, 'from'],
      [`/${id}/usage?endpoint=%00`, 'endpoint'],
      ['/not-a-uuid', 'token_id'],
      ['/%00', 'token_id'],
    ] as const) {
      const answer = await tickets.ask('GET', path);
      expect([path, answer.status]).toEqual([path, 400]);
      expect(JSON.stringify(answer.body)).toContain(field);
    }
    for (const path of [
      `/${id}/usage?from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59-12:00`,
      "?search=';DROP%20TABLE%20tickets.integration_tokens;--",
      '?search=%25',
      '?search=%5C',
    ]) {
      expect([path, (await tickets.ask('GET', path)).status]).toEqual([path, 200]);
    }
  });
});
