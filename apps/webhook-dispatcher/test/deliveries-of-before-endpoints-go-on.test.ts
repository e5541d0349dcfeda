import { webhookRpcs } from '@switchboard/contracts';
import { migrate } from '@switchboard/db';
import { createTestDatabase, type TestDatabase, waitFor } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestAdmin, type TestAdmin } from './support/admin.ts';
import { awkwardBody, ids, KEY_ID } from './support/deliveries.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';

const MIGRATIONS = new URL('../../../packages/db/src/schemas/webhooks/migrations/', import.meta.url);
const BEFORE = ['001-foundation', '002-deliveries'];
const OWNER = `partner_key:${KEY_ID}`;

type State = 'new' | 'retrying' | 'leased' | 'succeeded' | 'exhausted';
const states: readonly State[] = ['new', 'retrying', 'leased', 'succeeded', 'exhausted'];

let database: TestDatabase;
let service: TestAdmin;
let receiver: Receiver;
const made = new Map<State, { readonly id: string; readonly messageId: string }>();

/** The schema as the version before endpoints had it. */
const goBack = async (db: Kysely<unknown>): Promise<void> => {
  const { rows } = await sql<{ name: string; checksum: string }>`
    SELECT name, checksum FROM switchboard.migrations WHERE schema = 'webhooks' AND name IN (${sql.join(BEFORE)})`.execute(
    db,
  );
  await sql`DROP SCHEMA webhooks CASCADE`.execute(db);
  await sql`DELETE FROM switchboard.migrations WHERE schema = 'webhooks'`.execute(db);
  await db.transaction().execute(async (trx) => {
    await sql`CREATE SCHEMA webhooks`.execute(trx);
    await sql`SET LOCAL search_path TO webhooks`.execute(trx);
    for (const name of BEFORE) {
      const { migration } = await import(new URL(`${name}.ts`, MIGRATIONS).href);
      await migration(trx);
    }
  });
  for (const { name, checksum } of rows) {
    await sql`INSERT INTO switchboard.migrations (schema, name, checksum) VALUES ('webhooks', ${name}, ${checksum})`.execute(
      db,
    );
  }
};

/** Word for word what a dispatcher of before stores a request with. */
const storeAsBefore = async (
  db: Kysely<unknown>,
  { id, messageId, dueAt }: { readonly id: string; readonly messageId: string; readonly dueAt: Date },
): Promise<void> => {
  const rows = [
    {
      id,
      message_id: messageId,
      event_type: 'partner.job.finished',
      body: awkwardBody,
      traceparent: null,
      profile: 'partner',
      url: receiver.url,
      target_host: new URL(receiver.url).host,
      environment: 'sandbox',
      secret: { kind: 'partner', key_id: KEY_ID, version: 1 },
    },
  ];
  await sql`
    WITH requested AS MATERIALIZED (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r
        (id uuid, message_id text, event_type text, body text, traceparent text, profile text, url text,
         target_host text, environment text, secret jsonb)
    ), message AS (
      INSERT INTO webhooks.webhook_messages (id, event_type, body, traceparent, created_at)
      SELECT message_id, event_type, body, traceparent, now() FROM requested ORDER BY message_id
      ON CONFLICT (id) DO NOTHING
      RETURNING id
    )
    INSERT INTO webhooks.webhook_deliveries
      (id, message_id, profile, url, target_host, environment, secret, due_at, created_at)
    SELECT r.id, r.message_id, r.profile, r.url, r.target_host, r.environment, r.secret, ${dueAt}::timestamptz, now()
    FROM requested r JOIN message ON message.id = r.message_id`.execute(db);
};

const later = (seconds: number) => new Date(Date.now() + seconds * 1000);

const changes: Readonly<Record<State, string>> = {
  new: '',
  retrying: 'attempt_count = 1, schedule_step = 1',
  // Of a dispatcher that is no more: its lease has run out.
  leased: `lease_owner = 'gone', leased_at = now() - interval '1 minute', due_at = now() - interval '30 seconds'`,
  succeeded: `status = 'succeeded', attempt_count = 1, schedule_step = 1, due_at = NULL, finished_at = now()`,
  exhausted: `status = 'exhausted', attempt_count = 3, schedule_step = 3, due_at = NULL, finished_at = now()`,
};

beforeAll(async () => {
  receiver = await startReceiver();
  database = await createTestDatabase();
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.ownerUrl, max: 1 }) }),
  });
  await goBack(db);
  for (const state of states) {
    const one = { id: ids.next(), messageId: ids.next() };
    made.set(state, one);
    await storeAsBefore(db, { ...one, dueAt: later(state === 'retrying' ? 3600 : 3) });
    const change = changes[state];
    if (change) {
      await sql`UPDATE webhooks.webhook_deliveries SET ${sql.raw(change)} WHERE id = ${one.id}`.execute(db);
      await sql`
        INSERT INTO webhooks.webhook_attempts (delivery_id, attempt_number, outcome, error, attempted_at)
        SELECT id, i, 'failed', 'connection refused', now() FROM webhooks.webhook_deliveries
        CROSS JOIN LATERAL generate_series(1, attempt_count) AS i
        WHERE id = ${one.id} AND status <> 'succeeded'`.execute(db);
    }
  }
  expect(await migrate({ url: database.ownerUrl })).toEqual(['webhooks/003-endpoints']);
  await db.destroy();
  service = await startTestAdmin({ database });
});
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const idOf = (state: State) => String(made.get(state)?.id);
const look = async (id: string) => (await service.ask('GET', `/deliveries/${id}`)).body;
const untilSucceeded = async (id: string) => {
  await waitFor(async () => (await look(id)).status === 'succeeded', { what: 'the delivery to arrive' });
  return look(id);
};
const receivedOf = (state: State) =>
  receiver.received.filter(({ headers }) => headers['webhook-id'] === made.get(state)?.messageId);

test('they are listed by their owner and event type, with their states', async () => {
  const { body } = await service.ask('GET', `/deliveries?owner=${OWNER}&event_type=partner.job.finished`);
  expect(body.deliveries.map(({ id }: { id: string }) => id).toSorted()).toEqual(states.map(idOf).toSorted());
  for (const delivery of body.deliveries) {
    expect(delivery).toMatchObject({
      profile: 'partner',
      endpoint_id: null,
      sequence: null,
      url: receiver.url,
    });
  }
  expect(await look(idOf('exhausted'))).toMatchObject({
    status: 'exhausted',
    attempt_count: 3,
    body: awkwardBody,
    last_attempt: { attempt_number: 3, error: 'connection refused', replay_id: null },
  });
});

test('what waits is sent, and what a dispatcher that died had taken', async () => {
  expect(await untilSucceeded(idOf('new'))).toMatchObject({ attempt_count: 1 });
  // The attempt that got lost is on record.
  expect(await untilSucceeded(idOf('leased'))).toMatchObject({ attempt_count: 2 });
  expect(await look(idOf('retrying'))).toMatchObject({ status: 'pending', attempt_count: 1 });
  for (const state of ['new', 'leased'] as const) {
    expect(receivedOf(state).map(({ body }) => body.toString())).toEqual([awkwardBody]);
  }
});

test('they are retried and replayed like new ones', async () => {
  const retried = await service.dispatcher.bus.request(
    webhookRpcs.retry,
    { delivery_ids: [idOf('exhausted'), idOf('retrying')] },
    { timeoutMs: 30_000 },
  );
  expect(retried.deliveries.map(({ state }) => state)).toEqual(['scheduled', 'waiting']);
  expect(await untilSucceeded(idOf('exhausted'))).toMatchObject({ attempt_count: 4 });
  const asked = { owner: OWNER, statuses: ['succeeded'], rate_per_second: 100 };
  expect((await service.ask('POST', '/replays', { ...asked, dry_run: true })).body.total).toBe(4);
  const { id } = (await service.ask('POST', '/replays', asked)).body;
  const replay = async () => (await service.ask('GET', `/replays/${id}`)).body;
  await waitFor(async () => (await replay()).status === 'completed', { what: 'the end of the replay' });
  expect(await replay()).toMatchObject({ total: 4, successful: 4, failed: 0, skipped: 0 });
  expect(receivedOf('succeeded')).toHaveLength(1);
  expect(receivedOf('new').map(({ headers }) => headers['x-webhook-attempt'])).toEqual(['1', '2']);
});

test('what a dispatcher of before stores beside this version is one of them', async () => {
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({
      pool: new pg.Pool({ connectionString: database.urlFor('webhooks'), max: 1 }),
    }),
  });
  const one = { id: ids.next(), messageId: ids.next() };
  await storeAsBefore(db, { ...one, dueAt: new Date() });
  await db.destroy();
  expect(await untilSucceeded(one.id)).toMatchObject({ owner: OWNER, event_type: 'partner.job.finished' });
  const [row] = await service.rows<{ lane: string }>('SELECT lane FROM webhook_deliveries WHERE id = $1', [
    one.id,
  ]);
  expect(row?.lane).toBe(`${OWNER}/${new URL(receiver.url).host}`);
});

test('a dispatcher of before takes callbacks, and sees nothing that is for an endpoint', async () => {
  const hanging = await startReceiver(() => undefined);
  const { owner } = await service.makeEndpoint(hanging.url);
  await service.publish(owner);
  await waitFor(() => hanging.received.length === 1, { what: 'the attempt' });
  // Word for word where it finds hosts that something is due to, and that it takes deliveries by the host alone.
  const seen = await service.rows<{ profile: string }>(
    `SELECT d.profile FROM webhook_deliveries d WHERE d.status = 'pending' AND d.target_host >= '' COLLATE "C"`,
  );
  expect(new Set(seen.map(({ profile }) => profile))).toEqual(new Set(['partner']));
  await hanging.close();
});
