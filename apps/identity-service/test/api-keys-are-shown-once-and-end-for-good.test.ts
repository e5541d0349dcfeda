import { createManualClock, hasValidChecksum, keyPrefixes, type UserPrincipal } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { provideEnvironmentKey } from '../src/domain/api-keys/environment-key.ts';
import { ADMIN_API, dumpSchema, makeAdministrator, verifyPair } from './support/administrators.ts';
import { startTestIdentity, type TestIdentity } from './support/identity.ts';

const KEYS = `${ADMIN_API}/api-keys`;
const clock = createManualClock('2026-03-01T12:00:00.000Z');
let identity: TestIdentity;
let replica: TestIdentity;
let admin: UserPrincipal;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
  replica = await identity.startReplica();
  admin = await makeAdministrator(identity, 'admin');
});
afterAll(async () => {
  await replica.close();
  await identity.close();
});

const create = async (body: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  identity.call(admin, 'POST', KEYS, { body: { name: 'Dialer', ...body }, headers });
const verify = (key: string, secret: string) => verifyPair(identity, key, secret);
const act = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  identity.call(admin, 'POST', `${KEYS}/${path}`, { body, headers });

describe('a new pair', () => {
  test('is in the answer of its creation and nowhere else', async () => {
    const { status, headers, body } = await create();
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(hasValidChecksum(body.api_key, keyPrefixes.apiKey)).toBe(true);
    expect(hasValidChecksum(body.api_secret, keyPrefixes.apiSecret)).toBe(true);
    expect(body).toMatchObject({
      account: body.id,
      rate_limit_per_minute: 100,
      source: 'admin',
      is_active: true,
    });
    const again = await identity.call(admin, 'GET', `${KEYS}/${body.id}`);
    const list = await identity.call(admin, 'GET', KEYS);
    const everything = `${again.text}${list.text}${await dumpSchema(identity)}`;
    expect(everything).toContain(body.id);
    expect(everything).not.toContain(body.api_key);
    expect(everything).not.toContain(body.api_secret);
  });

  test('is good on every replica, for its account, with its limits', async () => {
    const { body } = await create({ allowed_ips: ['203.0.113.7', '10.0.0.0/8'], rate_limit_per_minute: 7 });
    expect(body.allowed_ips).toEqual(['203.0.113.7', '10.0.0.0/8']);
    // One queue group: some of these are answered by the other replica.
    const verdicts = await Promise.all(
      Array.from({ length: 8 }, () => verify(body.api_key, body.api_secret)),
    );
    for (const verdict of verdicts) {
      expect(verdict).toMatchObject({
        ok: true,
        principal: { kind: 'api_key', key_id: body.id, account_id: body.account_id },
        rate_limit_per_minute: 7,
        valid_until: null,
      });
    }
  });

  test('joins the account that is named, however many are made at once', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => create({ account: 'CompanyX' })));
    expect(new Set(made.map(({ body }) => body.account_id)).size).toBe(1);
    expect(made[0]?.body).toMatchObject({ account: 'CompanyX' });
  });

  test.each([
    [{ name: ' ' }, 'name'],
    [{ expires_at: '2026-03-01T11:59:59.000Z' }, 'expires_at'],
    [{ expires_at: 'tomorrow' }, 'expires_at'],
    [{ expires_at: '9999-12-31T23:59:59-12:00' }, 'expires_at'],
    [{ allowed_ips: ['10.0.0.0/33'] }, 'allowed_ips'],
    [{ rate_limit_per_minute: 0 }, 'rate_limit_per_minute'],
    [{ is_admin: true }, 'is_admin'],
  ])('%j is refused and names the field', async (body, field) => {
    const answer = await create(body);
    expect([answer.status, answer.body.code]).toEqual([400, 'INVALID_INPUT']);
    expect(answer.body.fields[0].field).toContain(field);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});

describe('verification', () => {
  test('tells a wrong secret, an unknown key, a disabled, an expired and a revoked one apart for the logs', async () => {
    const { body } = await create({ expires_at: '2026-03-02T12:00:00.000+00:00' });
    const { body: other } = await create();
    const pair = [body.api_key, body.api_secret] as const;
    expect(await verify(body.api_key, other.api_secret)).toEqual({
      ok: false,
      reason: 'wrong_secret',
      key_id: body.id,
    });
    expect(await verify(body.api_secret, body.api_key)).toEqual({
      ok: false,
      reason: 'unknown_key',
      key_id: null,
    });
    expect(await verify(...pair)).toMatchObject({ ok: true, valid_until: '2026-03-02T12:00:00.000Z' });
    const patch = (change: object) => identity.call(admin, 'PATCH', `${KEYS}/${body.id}`, { body: change });
    await patch({ is_active: false });
    expect(await verify(...pair)).toMatchObject({ ok: false, reason: 'disabled' });
    await patch({ is_active: true });
    clock.advance(86_400);
    expect(await verify(...pair)).toMatchObject({ ok: false, reason: 'expired' });
    expect((await patch({ expires_at: null })).body.expires_at).toBeNull();
    expect(await verify(...pair)).toMatchObject({ ok: true, valid_until: null });
    await act(`${body.id}/revoke`);
    expect(await verify(...pair)).toMatchObject({ ok: false, reason: 'revoked' });
  });

  test('notes the use of a key once a minute, however often it is used', async () => {
    const { body } = await create();
    const usedAt = async () =>
      (await identity.call(admin, 'GET', `${KEYS}/${body.id}/usage`)).body.last_used_at;
    expect(await usedAt()).toBeNull();
    const first = clock.now().toISOString();
    await verify(body.api_key, body.api_secret);
    await waitFor(async () => (await usedAt()) === first);
    clock.advance(59);
    await verify(body.api_key, body.api_secret);
    clock.advance(2);
    const second = clock.now().toISOString();
    await verify(body.api_key, body.api_secret);
    await waitFor(async () => (await usedAt()) === second);
    const events = await identity.rows(
      "SELECT 1 FROM identity.outbox WHERE subject = 'identity.api_key.changed' AND data->>'key_id' = $1",
      [body.id],
    );
    expect(events).toHaveLength(1);
  });
});

describe('rotation', () => {
  test('keeps the old secret for the overlap, and tells when it was last used', async () => {
    const { body } = await create();
    const { body: rotated } = await act(`${body.id}/rotate`, { overlap_seconds: 3600 });
    const until = new Date(clock.now().getTime() + 3_600_000).toISOString();
    expect(rotated).toEqual({
      id: body.id,
      api_secret: rotated.api_secret,
      previous_secret_expires_at: until,
    });
    expect(await verify(body.api_key, rotated.api_secret)).toMatchObject({ ok: true, valid_until: null });
    expect(await verify(body.api_key, body.api_secret)).toMatchObject({ ok: true, valid_until: until });
    const at = clock.now().toISOString();
    await waitFor(async () => {
      const usage = await identity.call(admin, 'GET', `${KEYS}/${body.id}/usage`);
      return (
        usage.body.previous_secret_last_used_at === at && usage.body.previous_secret_expires_at === until
      );
    });
    clock.advance(3600);
    expect(await verify(body.api_key, body.api_secret)).toMatchObject({ ok: false, reason: 'wrong_secret' });
    expect(await verify(body.api_key, rotated.api_secret)).toMatchObject({ ok: true });
  });

  test('with no overlap ends the old secret now; without a body it lasts a day', async () => {
    const { body } = await create();
    const now = await act(`${body.id}/rotate`, { overlap_seconds: 0 });
    expect(await verify(body.api_key, body.api_secret)).toMatchObject({ ok: false, reason: 'wrong_secret' });
    const later = await identity.call(admin, 'POST', `${KEYS}/${body.id}/rotate`);
    expect(Date.parse(later.body.previous_secret_expires_at) - clock.now().getTime()).toBe(86_400_000);
    expect(await verify(body.api_key, now.body.api_secret)).toMatchObject({ ok: true });
    expect((await act(`${body.id}/rotate`, { overlap_seconds: 31 * 86_400 })).status).toBe(400);
  });

  test('that is repeated because its answer got lost gives the same secret, and the old one lives on', async () => {
    const { body } = await create();
    const headers = { 'idempotency-key': `rotate-${body.id}` };
    const first = await act(`${body.id}/rotate`, {}, headers);
    const second = await act(`${body.id}/rotate`, {}, headers);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replay']).toBe('true');
    expect(await verify(body.api_key, body.api_secret)).toMatchObject({ ok: true });
  });
});

describe('revocation', () => {
  test('is final, and may be asked for twice', async () => {
    const { body } = await create();
    const first = await act(`${body.id}/revoke`);
    clock.advance(5);
    const second = await act(`${body.id}/revoke`);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toEqual(first.body);
    for (const answer of [
      await act(`${body.id}/rotate`),
      await identity.call(admin, 'PATCH', `${KEYS}/${body.id}`, { body: { is_active: true } }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([409, 'KEY_REVOKED']);
    }
  });

  test('is told to the gateways from whichever statement it came', async () => {
    const { body } = await create();
    await identity.rows('UPDATE identity.api_keys SET is_active = false, revoked_at = now() WHERE id = $1', [
      body.id,
    ]);
    const told = await identity.rows(
      "SELECT data->>'change' AS change FROM identity.outbox WHERE subject = 'identity.api_key.changed' AND data->>'key_id' = $1 ORDER BY position",
      [body.id],
    );
    expect(told.map(({ change }) => change)).toEqual(['created', 'revoked']);
    await expect(
      identity.rows('UPDATE identity.api_keys SET is_active = true, revoked_at = NULL WHERE id = $1', [
        body.id,
      ]),
    ).rejects.toThrow('final');
  });
});

describe('the list', () => {
  test('pages through all of them newest first, and searches names and accounts', async () => {
    const mark = 'needle_50%';
    const ids: string[] = [];
    for (const [name, account] of [
      [`${mark} a`, undefined],
      ['b', mark],
      ['haystack 50', undefined],
    ] as const) {
      clock.advance(1);
      ids.unshift((await create({ name, account })).body.id);
    }
    const found = await identity.call(admin, 'GET', `${KEYS}?search=${encodeURIComponent('EEDLE_50%')}`);
    expect(found.body.api_keys.map(({ id }: { id: string }) => id)).toEqual(ids.slice(1));
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await identity.call(admin, 'GET', `${KEYS}?limit=3${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.body.api_keys.map(({ id }: { id: string }) => id));
      if (page.body.next_cursor === null) break;
      cursor = page.body.next_cursor;
    }
    const all = await identity.rows('SELECT id FROM identity.api_keys ORDER BY created_at DESC, id DESC');
    expect(seen).toEqual(all.map(({ id }) => id));
    const ended = await identity.call(admin, 'GET', `${KEYS}?active=false`);
    expect(ended.body.api_keys.every((key: { is_active: boolean }) => !key.is_active)).toBe(true);
    expect(ended.body.api_keys.length).toBeGreaterThan(0);
  });

  test('what is not there is not found, and what is no id is told so', async () => {
    const nowhere = await identity.call(admin, 'GET', `${KEYS}/0192f0c1-2b3c-7d4e-8f50-617283940a1b`);
    expect([nowhere.status, nowhere.body.code]).toEqual([404, 'KEY_NOT_FOUND']);
    expect((await identity.call(admin, 'GET', `${KEYS}/1`)).body.code).toBe('INVALID_PARAMETER');
  });
});

describe('a creation with an idempotency key', () => {
  const count = async (name: string) =>
    (await identity.rows('SELECT 1 FROM identity.api_keys WHERE name = $1', [name])).length;

  test('that comes twice, or ten times at once, makes one pair and gives it to all', async () => {
    const headers = { 'idempotency-key': 'ten-at-once' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => create({ name: 'Ten' }, headers)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
    expect(new Set(answers.map(({ body }) => body.api_secret)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replay'] === 'true')).toHaveLength(9);
    expect(await count('Ten')).toBe(1);
    const stored = await dumpSchema(identity);
    expect(stored).toContain('ten-at-once');
    expect(stored).not.toContain(answers[0]?.body.api_secret);
  });

  test('with other content is refused; of another administrator it is another key', async () => {
    const headers = { 'x-idempotency-key': 'mine' };
    await create({ name: 'Mine' }, headers);
    const other = await create({ name: 'Mine too' }, headers);
    expect([other.status, other.body.code]).toEqual([409, 'DUPLICATE_REQUEST']);
    const colleague = await makeAdministrator(identity, 'admin');
    const theirs = await identity.call(colleague, 'POST', KEYS, { body: { name: 'Theirs' }, headers });
    expect(theirs.status).toBe(201);
  });

  test('that failed leaves nothing behind, and the repeat makes it', async () => {
    const headers = { 'idempotency-key': 'crash' };
    // Whatever kills it after the key was written and before the answer was kept.
    await identity.rows(
      `CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$;
       CREATE TRIGGER crash BEFORE UPDATE ON identity.idempotency_records FOR EACH ROW EXECUTE FUNCTION public.crash()`,
    );
    expect((await create({ name: 'Crash' }, headers)).status).toBe(500);
    await identity.rows('DROP TRIGGER crash ON identity.idempotency_records; DROP FUNCTION public.crash()');
    expect(await count('Crash')).toBe(0);
    expect((await create({ name: 'Crash' }, headers)).status).toBe(201);
    expect(await count('Crash')).toBe(1);
  });
});

describe('API_KEY and API_SECRET of the environment', () => {
  const provide = (key?: string, secret?: string) =>
    provideEnvironmentKey(identity.deps.data, { key, secret });
  const ofEnvironment = () =>
    identity.rows(
      "SELECT id, key_prefix, revoked_at FROM identity.api_keys WHERE source = 'environment' ORDER BY created_at",
    );

  test('are a pair in any form; replicas that boot together make one; a change replaces it', async () => {
    await Promise.all([
      provide('my key', 'pässword'),
      provideEnvironmentKey(replica.deps.data, { key: 'my key', secret: 'pässword' }),
    ]);
    const [made, ...more] = await ofEnvironment();
    expect(more).toEqual([]);
    // Of a short key the list must not show all.
    expect(made.key_prefix).toBe('my');
    expect(await verify('my key', 'pässword')).toMatchObject({ ok: true, principal: { key_id: made.id } });
    const shown = await identity.call(admin, 'GET', `${KEYS}/${made.id}`);
    expect(shown.body).toMatchObject({ account: 'environment', source: 'environment' });
    await provide('my key', 'another one');
    expect(await verify('my key', 'pässword')).toMatchObject({ ok: false, reason: 'wrong_secret' });
    expect(await verify('my key', 'another one')).toMatchObject({ ok: true });
    await provide();
    expect(await verify('my key', 'another one')).toMatchObject({ ok: true });
    expect(await ofEnvironment()).toHaveLength(1);
  });

  test('that were revoked stay so until both are others', async () => {
    const [present] = await ofEnvironment();
    await act(`${present.id}/revoke`);
    await provide('my key', 'another one');
    await provide('my second key', 'another one');
    expect(await verify('my key', 'another one')).toMatchObject({ ok: false, reason: 'revoked' });
    expect(await verify('my second key', 'another one')).toMatchObject({ ok: false, reason: 'unknown_key' });
    await provide('my second key', 'a second secret');
    expect(await verify('my second key', 'a second secret')).toMatchObject({ ok: true });
  });
});
