import type { Schemas } from '@switchboard/db';
import { openQueryMeter, type QueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockSequences } from '../src/domain/messages/fan-out-repository.ts';
import { listFeed } from '../src/domain/messages/feed-repository.ts';
import { type FanOutBench, openFanOut } from './support/fan-out.ts';

const MESSAGES = 6_000;
const LIMIT = 50;

let bench: FanOutBench;
let meter: QueryMeter;
let db: Kysely<Schemas['webhooks']>;
let endpointId: string;

beforeAll(async () => {
  bench = await openFanOut();
  meter = openQueryMeter({ connectionString: bench.ownerUrl, options: '-c search_path=webhooks' });
  db = new Kysely({ dialect: new PostgresDialect(meter), log: meter.note });
  const owner = 'account:busy';
  endpointId = await bench.makeEndpoint(owner);
  const others = [await bench.makeEndpoint(owner), await bench.makeEndpoint('account:other')];
  await meter.pool.query(
    `INSERT INTO webhook_messages (id, event_type, body, created_at)
     SELECT 'm' || i, 'ticket.created', '{}', now() FROM generate_series(1, $1::int) AS i`,
    [MESSAGES],
  );
  await meter.pool.query(
    `INSERT INTO webhook_deliveries (id, message_id, event_type, owner, environment, lane, profile,
       endpoint_id, sequence, status, finished_at, created_at)
     SELECT gen_random_uuid(), 'm' || i, 'ticket.created', 'account:busy', 'sandbox', e, 'standard', e::uuid, i,
       'succeeded', now(), now()
     FROM generate_series(1, $1::int) AS i CROSS JOIN unnest($2::text[]) AS e`,
    [MESSAGES, [endpointId, ...others]],
  );
  await meter.pool.query('UPDATE webhook_endpoint_sequences SET last_sequence = $1', [MESSAGES]);
  await meter.pool.query(
    `INSERT INTO webhook_endpoints (id, owner, environment, url, event_types, created_at, updated_at)
     SELECT gen_random_uuid(), 'account:' || i, 'sandbox', 'https://example.com', '{*}', now(), now()
     FROM generate_series(1, $1::int) AS i`,
    [MESSAGES],
  );
  await meter.pool.query(
    'INSERT INTO webhook_endpoint_sequences SELECT id FROM webhook_endpoints ON CONFLICT DO NOTHING',
  );
  await meter.pool.query('VACUUM ANALYZE');
});
afterAll(async () => {
  await meter.close();
  await bench.close();
});

test.each([
  ['first', 0, LIMIT + 1],
  ['middle', MESSAGES / 2, LIMIT + 1],
  ['last', MESSAGES - 10, 10],
  ['empty', MESSAGES, 0],
])('the %s page of a feed reads a page, not a table', async (_which, after, expected) => {
  let found = 0;
  const cost = await meter.costOf(async () => {
    const page = await listFeed(db, endpointId, { after, limit: LIMIT, bytesMax: 1_000_000 });
    found = page.rows.length;
    expect(Number(page.lastSequence)).toBe(MESSAGES);
  });
  expect(found).toBe(expected);
  expect(cost.wholeTables).toEqual([]);
  expect(cost.rowsTouched).toBeLessThanOrEqual(2 * (LIMIT + 1) + 3);
});

test('who takes a message is found among the endpoints of its owner, not among everybody’s', async () => {
  const cost = await meter.costOf(() =>
    lockSequences(db, [
      { owner: 'account:busy', environment: 'sandbox', patterns: ['*', 'ticket.created'] },
      { owner: 'account:17', environment: 'sandbox', patterns: ['*'] },
    ]),
  );
  expect(cost.wholeTables).toEqual([]);
  // Of three endpoints: in the index, the row, and the sequence.
  expect(cost.rowsTouched).toBeLessThanOrEqual(3 * 3);
});
