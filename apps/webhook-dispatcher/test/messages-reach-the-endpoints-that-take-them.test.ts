import type { Schemas } from '@switchboard/db';
import { openQueryMeter } from '@switchboard/stack/testing';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { standardScheduleSeconds } from '../src/domain/deliveries/schedule.ts';
import { markDeleted, markDisabled } from '../src/domain/endpoints/endpoint-repository.ts';
import { DELIVERIES_AT_ONCE_MAX, fanOut } from '../src/domain/messages/fan-out.ts';
import { ids } from './support/deliveries.ts';
import { type FanOutBench, makeMessage, openFanOut, ownerOf } from './support/fan-out.ts';

let bench: FanOutBench;
beforeAll(async () => {
  bench = await openFanOut();
});
afterAll(() => bench.close());

const newOwner = () => ownerOf(ids.next());
const numbersOf = async (endpointId: string) =>
  (await bench.deliveriesTo(endpointId)).map(({ sequence }) => sequence);

describe('a message', () => {
  test.each([
    ['ticket.created', ['ticket.created'], true],
    ['ticket.created', ['ticket.*'], true],
    ['ticket.created', ['*'], true],
    ['ticket.created', ['call.ended', 'ticket.created'], true],
    ['ticket.comment.added', ['ticket.*'], true],
    ['ticket.comment.added', ['ticket.comment.*'], true],
    ['ticket.created', ['ticket.closed'], false],
    ['ticket.created', ['ticket'], false],
    ['ticket.created', ['ticket.created.*'], false],
    ['tickets.created', ['ticket.*'], false],
    ['ticket.comment', ['ticket.comment.*'], false],
    // Of webhooks themselves: by name alone.
    ['webhooks.endpoint.disabled', ['*'], false],
    ['webhooks.endpoint.disabled', ['webhooks.*'], true],
    ['webhooks.endpoint.disabled', ['webhooks.endpoint.disabled'], true],
  ])('%s for an endpoint that takes %j: %s', async (event_type, eventTypes, isTaken) => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner, { eventTypes });
    const message = makeMessage(owner, { event_type });
    const { waiting } = await bench.store([message]);
    expect(waiting.map(({ lane }) => lane.lane)).toEqual(isTaken ? [endpointId] : []);
    expect(await bench.deliveriesTo(endpointId)).toMatchObject(
      isTaken ? [{ message_id: message.message_id, sequence: 1, status: 'pending' }] : [],
    );
    expect(await bench.isStored(message.message_id)).toBe(isTaken);
    expect(await bench.lastSequence(endpointId)).toBe(isTaken ? 1 : 0);
  });

  test('goes to each endpoint of its owner in its environment that takes it, and to nobody else', async () => {
    const [owner, other] = [newOwner(), newOwner()];
    const takers = [await bench.makeEndpoint(owner), await bench.makeEndpoint(owner)];
    const except = await bench.makeEndpoint(owner);
    const disabled = await bench.makeEndpoint(owner);
    await markDisabled(bench.first.db, disabled, 'manual', new Date());
    const deleted = await bench.makeEndpoint(owner);
    await markDeleted(bench.first.db, deleted, new Date());
    const strangers = [
      await bench.makeEndpoint(other),
      await bench.makeEndpoint(owner, { environment: 'production' }),
      await bench.makeEndpoint(owner, { eventTypes: ['call.*'] }),
    ];
    const { waiting } = await bench.store([makeMessage(owner, { except_endpoint_id: except })]);
    expect(waiting.map(({ lane }) => lane.lane).sort()).toEqual(takers.toSorted());
    for (const id of takers) {
      expect(await bench.deliveriesTo(id)).toMatchObject([{ sequence: 1, status: 'pending' }]);
    }
    // Kept, with its number, and attempted by nobody.
    expect(await bench.deliveriesTo(disabled)).toMatchObject([{ sequence: 1, status: 'held', due_at: null }]);
    for (const id of [except, deleted, ...strangers]) expect(await bench.deliveriesTo(id)).toEqual([]);
  });

  test('is due when the schedule of the endpoint says, and handed on only if that is now', async () => {
    const owner = newOwner();
    const later = await bench.makeEndpoint(owner, { scheduleSeconds: [3600, 1] });
    const now = await bench.makeEndpoint(owner, { scheduleSeconds: [0, 1] });
    const { waiting } = await bench.store([makeMessage(owner)]);
    expect(waiting.map(({ lane }) => lane.lane)).toEqual([now]);
    const [delivery] = await bench.deliveriesTo(later);
    // 3600 s, give or take the jitter.
    const seconds = ((delivery?.due_at?.getTime() ?? 0) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(2800);
    expect(seconds).toBeLessThan(4400);
  });

  test('that comes twice is one, in one batch, later, or in two processes at once, and uses up one number', async () => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner);
    const second = bench.openProcess();
    const [one, two] = [makeMessage(owner), makeMessage(owner)];
    await bench.store([one, { ...one, body: 'another body' }]);
    await bench.store([one]);
    await Promise.all([
      bench.store([two, one]),
      bench.store([one, two], { process: second }),
      bench.store([two], { process: second }),
    ]);
    expect((await bench.deliveriesTo(endpointId)).map(({ message_id }) => message_id)).toEqual([
      one.message_id,
      two.message_id,
    ]);
    expect(await numbersOf(endpointId)).toEqual([1, 2]);
    expect(await bench.lastSequence(endpointId)).toBe(2);
  });

  test('that is not committed uses up no number', async () => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner);
    await bench.store([makeMessage(owner)]);
    const crash = () => Promise.reject(new Error('crash'));
    await expect(
      bench.store([makeMessage(owner), makeMessage(owner)], { beforeCommit: crash }),
    ).rejects.toThrow('crash');
    await bench.store([makeMessage(owner)]);
    expect(await numbersOf(endpointId)).toEqual([1, 2]);
  });
});

test('a batch takes as many statements as one message, whatever number of owners and endpoints', async () => {
  const meter = openQueryMeter({ connectionString: bench.ownerUrl, options: '-c search_path=webhooks' });
  const statements: string[] = [];
  const db = new Kysely<Schemas['webhooks']>({
    dialect: new PostgresDialect(meter),
    log: ({ query }) => void statements.push(query.sql),
  });
  const count = async (messages: readonly ReturnType<typeof makeMessage>[]) => {
    statements.length = 0;
    const stored = await fanOut(
      db,
      messages.map((message) => ({ message, traceparent: undefined })),
      { now: new Date(), ids, schedule: standardScheduleSeconds },
    );
    return { statements: statements.length, deliveries: stored.waiting.length };
  };
  const owners = [newOwner(), newOwner(), newOwner(), newOwner()];
  for (const owner of owners) for (let n = 0; n < 5; n += 1) await bench.makeEndpoint(owner);
  const one = await count([makeMessage(owners[0] ?? '')]);
  const many = await count(owners.flatMap((owner) => Array.from({ length: 16 }, () => makeMessage(owner))));
  await meter.close();
  expect([one.deliveries, many.deliveries]).toEqual([5, 64 * 5]);
  expect(many.statements).toBe(one.statements);
  expect(one.statements).toBeLessThanOrEqual(5);
});

test('an owner of thousands of endpoints does not keep others out: its messages are no batch, and each is stored whole', async () => {
  const owner = newOwner();
  const count = DELIVERIES_AT_ONCE_MAX + 1;
  await sql`
    WITH made AS (
      INSERT INTO webhook_endpoints
        (id, owner, environment, url, event_types, status, disabled_reason, disabled_at, created_at, updated_at)
      SELECT gen_random_uuid(), ${owner}, 'sandbox', 'https://example.com', '{*}', 'disabled', 'manual', now(), now(), now()
      FROM generate_series(1, ${count}::int) RETURNING id
    ) INSERT INTO webhook_endpoint_sequences (endpoint_id) SELECT id FROM made`.execute(bench.first.db);
  const [first, second] = [makeMessage(owner), makeMessage(owner)];
  await expect(bench.store([first, second])).rejects.toThrow('in one transaction');
  expect(await bench.isStored(first.message_id)).toBe(false);
  await bench.store([first]);
  const { rows } = await sql<{ stored: number; numbered: number }>`
    SELECT count(*)::int AS stored, (count(*) FILTER (WHERE sequence = 1))::int AS numbered
    FROM webhook_deliveries WHERE owner = ${owner}`.execute(bench.first.db);
  expect(rows).toEqual([{ stored: count, numbered: count }]);
});
