import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listUsers } from '../src/domain/administration/user-list.ts';
import { listApiKeys } from '../src/domain/api-keys/api-key-repository.ts';
import { listActs } from '../src/domain/audit/audit-repository.ts';
import type { Executor } from '../src/domain/database.ts';
import { dropPendingSignIns } from '../src/domain/sessions/session-repository.ts';
import { startTestIdentity, type TestIdentity } from './support/identity.ts';

const ROWS = 20_000;
const BUSY = '0192f0c1-2b3c-7d4e-8f50-617283940c01';
/** A page of 51, a lookup each beside it, and what an index gives too much. */
const ROWS_TOUCHED_MAX = 400;

let identity: TestIdentity;
let meter: QueryMeter;
let db: Executor;

const rowsTouched = async (work: () => Promise<unknown>) => (await meter.costOf(work)).rowsTouched;

beforeAll(async () => {
  identity = await startTestIdentity();
  await identity.rows(
    `INSERT INTO identity.audit_log (id, at, service, action, actor_user_id, target_type, target_id)
     SELECT gen_random_uuid(), now() - n * interval '1 second', 'busy-service', 'user.busy', $1, 'busy', 'busy'
     FROM generate_series(1, $2::int) AS n`,
    [BUSY, ROWS],
  );
  await identity.rows(
    `INSERT INTO identity.users (id, email, role, created_at, updated_at)
     SELECT gen_random_uuid(), 'user' || n || '@example.com', 'user', now() - n * interval '1 second', now()
     FROM generate_series(1, $1::int) AS n`,
    [ROWS],
  );
  await identity.rows(
    `WITH account AS (
       INSERT INTO identity.accounts (id, name, created_at) VALUES (gen_random_uuid(), 'busy', now()) RETURNING id)
     INSERT INTO identity.api_keys
       (id, name, account_id, api_key_hash, api_secret_hash, key_prefix, created_at, updated_at)
     SELECT gen_random_uuid(), 'Key ' || n, account.id, encode(sha256(n::text::bytea), 'hex'), repeat('a', 64), 'ak_',
       now() - n * interval '1 second', now()
     FROM generate_series(1, $1::int) AS n, account`,
    [ROWS / 4],
  );
  await identity.rows(
    `INSERT INTO identity.auth_codes (code_hash, user_id, code_challenge, code_challenge_method, method, created_at, expires_at)
     SELECT encode(sha256(id::text::bytea), 'hex'), id, 'x', 's256', 'otp', now(), now()
     FROM identity.users LIMIT $1`,
    [ROWS / 8],
  );
  await identity.rows(
    `INSERT INTO identity.page_sessions (id_hash, user_id, created_at, expires_at)
     SELECT encode(sha256(id::text::bytea), 'hex'), id, now(), now() FROM identity.users LIMIT $1`,
    [ROWS / 8],
  );
  // Anybody may ask for device codes, and nobody need approve them.
  await identity.rows(
    `INSERT INTO identity.device_authorizations (id, device_code_hash, user_code_hash, created_at, expires_at)
     SELECT gen_random_uuid(), hash, hash, now(), now()
     FROM (SELECT encode(sha256(id::text::bytea), 'hex') AS hash FROM identity.users LIMIT $1) AS codes`,
    [ROWS / 8],
  );
  await identity.rows('VACUUM ANALYZE');
  meter = openQueryMeter({ connectionString: identity.database.ownerUrl });
  db = new Kysely<Schemas['identity']>({
    dialect: new PostgresDialect(meter),
    log: meter.note,
  });
});
afterAll(async () => {
  await meter.close();
  await identity.close();
});

const middle = () => ({ createdAt: new Date(Date.now() - 9_000_000), id: BUSY });

test.each([
  ['nothing', {}],
  ['an actor', { actor: BUSY }],
  ['an actor and an action of theirs that is rare', { actor: BUSY, action: 'user.rare' }],
  ['an action', { action: 'user.busy' }],
  ['an action that is rare', { action: 'user.rare' }],
  ['a target', { target_type: 'busy', target_id: 'busy' }],
  ['a target that is rare', { target_type: 'busy', target_id: 'rare' }],
  ['a service that is rare', { service: 'rare-service' }],
  ['a time', { to: new Date(Date.now() - 12_000_000).toISOString() }],
])('the audit log by %s', async (_name, filter) => {
  for (const after of [null, middle()]) {
    expect(await rowsTouched(() => listActs(db, filter, { limit: 50, after }))).toBeLessThan(
      ROWS_TOUCHED_MAX,
    );
  }
});

const everybody = { search: undefined, role: undefined, disabled: undefined, origin: undefined };

test.each([
  ['nothing', {}],
  ['a role that is rare', { role: 'agent' as const }],
  ['being disabled, which is rare', { disabled: true }],
  ['being external, which is rare', { origin: 'external' as const }],
])('the users by %s', async (_name, filter) => {
  for (const after of [null, middle()]) {
    const list = () => listUsers(db, { ...everybody, ...filter }, { limit: 50, after });
    expect(await rowsTouched(list)).toBeLessThan(ROWS_TOUCHED_MAX);
  }
});

test('a search of users looks at no more than the newest 10,000 and those that begin so', async () => {
  const list = () => listUsers(db, { ...everybody, search: 'nobody' }, { limit: 50, after: null });
  expect(await rowsTouched(list)).toBeLessThan(10_000 + ROWS_TOUCHED_MAX);
});

test.each([
  ['nothing', undefined],
  ['being switched off, which is rare', false],
])('the API keys by %s', async (_name, active) => {
  for (const after of [null, middle()]) {
    const list = () => listApiKeys(db, { search: undefined, active }, { limit: 50, after });
    expect(await rowsTouched(list)).toBeLessThan(ROWS_TOUCHED_MAX);
  }
});

test('signing out everywhere, among many others who are about to sign in', async () => {
  expect(await rowsTouched(() => dropPendingSignIns(db, BUSY))).toBeLessThan(ROWS_TOUCHED_MAX);
});
