import {
  createManualClock,
  hashKey,
  hasValidChecksum,
  keyPrefixes,
  type RouteContract,
  routes,
} from '@switchboard/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointsOf } from '../src/domain/endpoints.ts';
import { SURFACE, startTestTickets, type TestTickets, TOKENS, tokenPrincipal } from './support/tickets.ts';

const START = '2026-03-01T12:00:00.000Z';
const DAY = 86_400;
const clock = createManualClock(START);
const later = (seconds: number): string => new Date(clock.now().getTime() + seconds * 1000).toISOString();

let tickets: TestTickets;
beforeAll(async () => {
  tickets = await startTestTickets({ clock });
});
afterAll(() => tickets.close());

const changesOf = async (tokenId: string) =>
  (await tickets.events<{ token_id: string; change: string }>('tickets.token.changed'))
    .filter((event) => event.token_id === tokenId)
    .map(({ change }) => change);

describe('a new token', () => {
  it('is shown once, has a checksum, and is stored as a hash alone', async () => {
    const made = await tickets.ask('POST', '', { name: '  Helpdesk ' });
    expect(made.status).toBe(201);
    expect(made.headers['cache-control']).toBe('no-store');
    const { token, ...rest } = made.body;
    expect(hasValidChecksum(token, keyPrefixes.integrationToken)).toBe(true);
    expect(rest).toMatchObject({
      name: 'Helpdesk',
      description: null,
      token_prefix: token.slice(0, 12),
      status: 'active',
      owner_user_id: tickets.admin.user_id,
      created_by: tickets.admin.user_id,
      rate_limit_per_hour: 1000,
      allowed_endpoints: ['*'],
      allowed_ips: [],
      metadata: {},
      expires_at: null,
      created_at: START,
      stats: { total_requests: 0, avg_response_time_ms: null, p95_response_time_ms: null },
    });
    const one = await tickets.ask('GET', `/${rest.id}`);
    expect(one.body).toEqual(rest);
    const list = await tickets.ask('GET', '');
    expect(list.body.tokens[0]).toEqual(rest);
    const everything = JSON.stringify([
      await tickets.rows('SELECT * FROM tickets.integration_tokens'),
      await tickets.rows('SELECT * FROM tickets.outbox'),
      one.body,
      list.body,
    ]);
    expect(everything).not.toContain(token);
    expect(JSON.stringify([one.body, list.body, await tickets.events('tickets.admin.acted')])).not.toContain(
      hashKey(token),
    );
    expect(await changesOf(rest.id)).toEqual(['created']);
  });

  it('is good for the gateway, with all that it needs to know', async () => {
    const owner = tickets.data.ids.next();
    const { id, token } = await tickets.makeToken({
      description: 'of Example Ltd',
      rate_limit_per_hour: 7,
      expires_at: later(DAY),
      allowed_endpoints: ['POST /tickets', 'GET /tickets/*'],
      allowed_ips: ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32'],
      metadata: { plan: 'gold', nested: { deep: [1, null] } },
      owner_user_id: owner,
    });
    expect(await tickets.verify(token)).toEqual({
      ok: true,
      principal: {
        kind: 'integration_token',
        token_id: id,
        token_name: 'Helpdesk',
        owner_user_id: owner,
        allowed_endpoints: ['POST /tickets', 'GET /tickets/*'],
      },
      allowed_ips: ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32'],
      rate_limit_per_hour: 7,
      valid_until: later(DAY),
    });
    const shown = await tickets.ask('GET', `/${id}`);
    expect(shown.body).toMatchObject({
      metadata: { plan: 'gold', nested: { deep: [1, null] } },
      allowed_ips: ['203.0.113.7', '10.0.0.0/8', '2001:db8::/32'],
    });
    expect(await tickets.verify(`${token}x`)).toEqual({ ok: false, reason: 'unknown_token', token_id: null });
  });

  it('takes null for what is optional', async () => {
    const nothing = Object.fromEntries(
      [
        'description',
        'rate_limit_per_hour',
        'expires_at',
        'allowed_endpoints',
        'allowed_ips',
        'metadata',
      ].map((field) => [field, null]),
    );
    const made = await tickets.ask('POST', '', { name: 'X', owner_user_id: null, ...nothing });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ rate_limit_per_hour: 1000, owner_user_id: tickets.admin.user_id });
  });
});

describe('a request to create that is repeated', () => {
  const create = (key: string, name: string, app = tickets.app) =>
    tickets.call(tickets.admin, 'POST', TOKENS, { body: { name }, headers: { 'idempotency-key': key }, app });

  it('makes one token, also when it comes to two replicas at once, and every answer has its secret', async () => {
    const replica = await tickets.startReplica();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => create('at-once', 'Once', n % 2 === 0 ? tickets.app : replica)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.token)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotent-replay'] === 'true')).toHaveLength(7);
    const [row] = await tickets.rows<{ count: number }>(
      "SELECT count(*)::int AS count FROM tickets.integration_tokens WHERE name = 'Once'",
    );
    expect(row?.count).toBe(1);
    expect(await tickets.verify(answers[0]?.body.token)).toMatchObject({ ok: true });
    const kept = await tickets.rows('SELECT * FROM tickets.idempotency_records');
    expect(JSON.stringify(kept)).not.toContain(answers[0]?.body.token);
    expect(JSON.stringify(kept)).not.toContain('stk_');
  });

  it('is refused with another body, and is nothing to another administrator', async () => {
    await create('other-body', 'A');
    expect((await create('other-body', 'B')).status).toBe(409);
    const other = { ...tickets.admin, user_id: tickets.data.ids.next() };
    const theirs = await tickets.call(other, 'POST', TOKENS, {
      body: { name: 'A' },
      headers: { 'idempotency-key': 'other-body' },
    });
    expect(theirs.status).toBe(201);
    expect(theirs.headers['idempotent-replay']).toBeUndefined();
  });
});

describe('regenerating', () => {
  it('ends the old secret at once, as the guide says', async () => {
    const { id, token } = await tickets.makeToken();
    const made = await tickets.ask('POST', `/${id}/regenerate`);
    expect(made.status).toBe(200);
    expect(made.body).toMatchObject({ id, previous_token_expires_at: null });
    expect(made.body.token_prefix).toBe(made.body.token.slice(0, 12));
    expect(await tickets.verify(token)).toMatchObject({ ok: false, reason: 'unknown_token' });
    expect(await tickets.verify(made.body.token)).toMatchObject({ ok: true, principal: { token_id: id } });
    expect(await changesOf(id)).toEqual(['created', 'updated']);
  });

  it('keeps the old one for an overlap, and tells when it was last used', async () => {
    const { id, token: old } = await tickets.makeToken();
    const made = await tickets.ask('POST', `/${id}/regenerate`, { overlap_seconds: 3600 });
    const until = later(3600);
    expect(made.body).toMatchObject({
      previous_token_expires_at: until,
      previous_token_last_used_at: null,
    });
    const lastUse = async () => (await tickets.ask('GET', `/${id}`)).body.previous_token_last_used_at;
    expect(await tickets.verify(made.body.token)).toMatchObject({ ok: true, valid_until: null });
    expect(await lastUse()).toBeNull();
    expect(await tickets.verify(old)).toMatchObject({ ok: true, valid_until: until });
    const firstUse = clock.now().toISOString();
    expect(await lastUse()).toBe(firstUse);
    // Noted in steps of a minute: a busy caller does not write its row all the time.
    clock.advance(30);
    await tickets.verify(old);
    expect(await lastUse()).toBe(firstUse);
    clock.advance(30);
    await tickets.verify(old);
    expect(await lastUse()).toBe(clock.now().toISOString());
    // That it was used voids nothing that a gateway has cached.
    expect(await changesOf(id)).toEqual(['created', 'updated']);
    clock.advance(3540);
    expect(await tickets.verify(old)).toEqual({ ok: false, reason: 'expired', token_id: id });
    expect(await tickets.verify(made.body.token)).toMatchObject({ ok: true });
  });

  it('happens once for one idempotency key: a repeat does not end the secret that is still in use', async () => {
    const { id, token: old } = await tickets.makeToken();
    const regenerate = (body: unknown = { overlap_seconds: 60 }) =>
      tickets.ask('POST', `/${id}/regenerate`, body, { 'idempotency-key': 'again' });
    const first = await regenerate();
    const second = await regenerate();
    for (const { headers } of [first, second]) expect(headers['cache-control']).toBe('no-store');
    expect(second.body.token).toBe(first.body.token);
    expect(second.headers['idempotent-replay']).toBe('true');
    expect(await tickets.verify(old)).toMatchObject({ ok: true });
    expect((await regenerate({ overlap_seconds: 61 })).status).toBe(409);
  });

  it.each([[-1], [30 * DAY + 1], [1.5], ['60'], [null]])(
    'refuses an overlap of %j',
    async (overlap_seconds) => {
      const { id, token } = await tickets.makeToken();
      const answer = await tickets.ask('POST', `/${id}/regenerate`, { overlap_seconds });
      expect(answer.status).toBe(400);
      expect(await tickets.verify(token)).toMatchObject({ ok: true });
    },
  );
});

describe('a token ends', () => {
  it('for the time being when it is disabled, until it is enabled', async () => {
    const { id, token } = await tickets.makeToken();
    expect((await tickets.ask('POST', `/${id}/disable`)).body.status).toBe('disabled');
    expect(await tickets.verify(token)).toEqual({ ok: false, reason: 'disabled', token_id: id });
    expect((await tickets.ask('POST', `/${id}/enable`)).body.status).toBe('active');
    expect(await tickets.verify(token)).toMatchObject({ ok: true });
    expect(await changesOf(id)).toEqual(['created', 'updated', 'updated']);
  });

  it('for good when it is revoked, whoever tries to undo it', async () => {
    const { id, token } = await tickets.makeToken();
    const at = clock.now().toISOString();
    expect((await tickets.ask('POST', `/${id}/revoke`)).body).toMatchObject({
      status: 'revoked',
      revoked_at: at,
    });
    expect(await tickets.verify(token)).toEqual({ ok: false, reason: 'revoked', token_id: id });
    for (const act of ['enable', 'disable', 'regenerate']) {
      const refused = await tickets.ask('POST', `/${id}/${act}`);
      expect(refused).toMatchObject({ status: 409, body: { code: 'KEY_REVOKED' } });
    }
    clock.advance(5);
    expect((await tickets.ask('POST', `/${id}/revoke`)).body).toMatchObject({
      status: 'revoked',
      revoked_at: at,
    });
    const undo = "UPDATE tickets.integration_tokens SET status = 'active', revoked_at = NULL WHERE id = $1";
    await expect(tickets.rows(undo, [id])).rejects.toThrow(/final/);
    expect((await changesOf(id)).slice(0, 2)).toEqual(['created', 'revoked']);
  });

  it('when it is deleted, which hides it and keeps its row and its usage', async () => {
    const { id, token } = await tickets.makeToken({ name: 'To be deleted' });
    expect(await tickets.ask('DELETE', `/${id}`)).toMatchObject({ status: 204, body: null });
    expect(await tickets.verify(token)).toEqual({ ok: false, reason: 'revoked', token_id: id });
    const calls = [
      ['GET', ''],
      ['PATCH', '', { name: 'X' }],
      ['DELETE', ''],
      ['POST', '/enable'],
      ['POST', '/disable'],
      ['POST', '/revoke'],
      ['POST', '/regenerate'],
      ['GET', '/usage'],
      ['GET', '/usage/summary'],
    ] as const;
    for (const [method, path, body] of calls) {
      const answer = await tickets.ask(method, `/${id}${path}`, body);
      expect(answer).toMatchObject({ status: 404, body: { code: 'TOKEN_NOT_FOUND' } });
    }
    expect((await tickets.ask('GET', '?search=to+be+deleted')).body.tokens).toEqual([]);
    const [kept] = await tickets.rows('SELECT * FROM tickets.integration_tokens WHERE id = $1', [id]);
    expect(kept).toMatchObject({ name: 'To be deleted', status: 'revoked' });
    expect(await changesOf(id)).toEqual(['created', 'revoked']);
  });

  it('by itself when it expires, and lives again when its expiry is moved or cleared', async () => {
    const { id, token } = await tickets.makeToken({ expires_at: later(60) });
    clock.advance(60);
    expect(await tickets.verify(token)).toEqual({ ok: false, reason: 'expired', token_id: id });
    await tickets.ask('PATCH', `/${id}`, { expires_at: later(10) });
    expect(await tickets.verify(token)).toMatchObject({ ok: true, valid_until: later(10) });
    const cleared = await tickets.ask('PATCH', `/${id}`, { expires_at: null });
    expect(cleared.body.expires_at).toBeNull();
    expect(await tickets.verify(token)).toMatchObject({ ok: true, valid_until: null });
  });
});

describe('a change', () => {
  it('of every field takes effect at once and leaves the others alone', async () => {
    const { id, token } = await tickets.makeToken({ description: 'old' });
    const owner = tickets.data.ids.next();
    const changes = {
      name: 'New',
      description: null,
      rate_limit_per_hour: 5,
      expires_at: later(DAY),
      allowed_endpoints: ['GET /'],
      allowed_ips: ['192.0.2.0/24'],
      metadata: { a: 1 },
      owner_user_id: owner,
    };
    for (const [field, value] of Object.entries(changes)) {
      const { body: before } = await tickets.ask('GET', `/${id}`);
      clock.advance(1);
      const answer = await tickets.ask('PATCH', `/${id}`, { [field]: value });
      expect(answer).toMatchObject({
        status: 200,
        body: { ...before, [field]: value, updated_at: clock.now().toISOString() },
      });
    }
    expect(await tickets.verify(token)).toMatchObject({
      rate_limit_per_hour: 5,
      allowed_ips: ['192.0.2.0/24'],
      principal: { token_name: 'New', owner_user_id: owner, allowed_endpoints: ['GET /'] },
    });
    // description and metadata say nothing about what the token may do.
    expect(await changesOf(id)).toEqual(['created', ...Array(6).fill('updated')]);
  });
});

describe('the list', () => {
  it('is newest first, page by page, by name, prefix and status', async () => {
    const made = [];
    for (const name of ['Zebra crossing', 'zebra 100%', 'Zebra_x']) {
      clock.advance(1);
      made.push(await tickets.makeToken({ name }));
    }
    const [first, second, third] = made.map(({ id }) => id);
    const idsOf = async (query: string) => {
      const { body } = await tickets.ask('GET', `?${query}`);
      return { ids: body.tokens.map(({ id }: { id: string }) => id), next: body.next_cursor };
    };
    expect((await idsOf('search=ZEBRA')).ids).toEqual([third, second, first]);
    const page = await idsOf('search=zebra&limit=2');
    expect(page.ids).toEqual([third, second]);
    expect(await idsOf(`search=zebra&limit=2&cursor=${page.next}`)).toEqual({ ids: [first], next: null });
    expect((await idsOf('search=100%25')).ids).toEqual([second]);
    expect((await idsOf('search=a_x')).ids).toEqual([third]);
    expect((await idsOf(`search=${made[0]?.token.slice(0, 12)}`)).ids).toEqual([first]);
    await tickets.ask('POST', `/${second}/disable`);
    expect((await idsOf('search=zebra&status=disabled')).ids).toEqual([second]);
    expect((await idsOf('search=zebra&status=active')).ids).toEqual([third, first]);
    expect((await idsOf('search=no+such+name')).ids).toEqual([]);
  });
});

describe('the surface', () => {
  it.each([[SURFACE], [`${SURFACE}/`]])('%s answers ok', async (path) => {
    const { id } = await tickets.makeToken();
    const answer = await tickets.call(tokenPrincipal(id), 'GET', path);
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'ok', endpoints: [...endpointsOf(routes)] },
    });
  });

  it('names the endpoints of the contracts as the guide writes them', () => {
    const route = (method: 'GET' | 'POST' | 'PATCH', path: string): RouteContract => ({
      ...(routes.find(({ id }) => id === 'tickets.health.get') ?? expect.fail()),
      method,
      path: `${SURFACE}${path}`,
    });
    const some = [
      route('GET', ''),
      route('GET', '/'),
      route('POST', '/tickets'),
      route('GET', '/tickets/:id'),
      route('PATCH', '/tickets/:id/status'),
    ];
    expect(endpointsOf([...some, ...routes.filter(({ surface }) => surface !== 'tickets')])).toEqual([
      'POST /tickets',
      'GET /tickets/:id',
      'PATCH /tickets/:id/status',
    ]);
  });

  it('is not for users', async () => {
    const answer = await tickets.call(tickets.admin, 'GET', SURFACE);
    expect(answer).toMatchObject({ status: 401, body: { error: 'wrong_credential_kind' } });
  });
});
