import { createUuidV7Ids, systemClock } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteEndpoint } from '../src/domain/endpoints/delete-endpoint.ts';
import { disableEndpoint } from '../src/domain/endpoints/disable-endpoint.ts';
import { readFeed } from '../src/domain/messages/read-feed.ts';
import { userOf } from './support/admin.ts';
import { ids } from './support/deliveries.ts';
import { type FanOutBench, type Message, makeMessage, openFanOut, ownerOf } from './support/fan-out.ts';

const admin = {
  principal: userOf('admin', ids.next()),
  caller: { ip: null, userAgent: null },
  requestId: 'req-1',
};

let bench: FanOutBench;
let processes: readonly FanOutBench['first'][];
beforeAll(async () => {
  bench = await openFanOut();
  processes = [bench.first, bench.openProcess()];
});
afterAll(() => bench.close());

const newOwner = () => ownerOf(ids.next());
const disable = (endpointId: string, process = bench.first) =>
  transact(process, (tools) =>
    disableEndpoint(
      tools,
      { clock: systemClock, ids: createUuidV7Ids() },
      { endpointId, reason: 'failing', lastError: 'HTTP 500' },
    ),
  );
const remove = (endpointId: string, process = bench.first) => deleteEndpoint(process, admin, endpointId);
const statusesOf = async (endpointId: string) =>
  (await bench.deliveriesTo(endpointId)).map(({ status }) => status);

/** A transaction that has done its work and commits when it is told to. */
const heldOpen = (messages: readonly Message[], process = bench.first) => {
  const reached = Promise.withResolvers<void>();
  const may = Promise.withResolvers<void>();
  const done = bench.store(messages, {
    process,
    async beforeCommit() {
      reached.resolve();
      await may.promise;
    },
  });
  return { reached: reached.promise, commit: () => may.resolve(), done };
};
const someoneWaits = () =>
  waitFor(
    async () =>
      (
        await sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(
          bench.first.db,
        )
      ).rows.length > 0,
    { what: 'a transaction that waits for a lock' },
  );

describe('while messages are being stored', () => {
  test('an endpoint that is disabled holds them: none is left to be sent', async () => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner);
    const open = heldOpen([makeMessage(owner)]);
    await open.reached;
    const disabled = disable(endpointId, processes[1]);
    await someoneWaits().finally(open.commit);
    await open.done;
    expect(await disabled).toBe(true);
    expect(await statusesOf(endpointId)).toEqual(['held']);
  });

  test('an endpoint that is deleted has them cancelled: none is left behind', async () => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner);
    const open = heldOpen([makeMessage(owner)]);
    await open.reached;
    const deleted = remove(endpointId, processes[1]);
    await someoneWaits().finally(open.commit);
    await Promise.all([open.done, deleted]);
    expect(await statusesOf(endpointId)).toEqual(['cancelled']);
  });

  test.each([
    ['disabled', disable, ['held']],
    ['deleted', remove, []],
  ] as const)(
    'one that is being %s is waited for, and taken as it is then',
    async (_what, change, expected) => {
      const owner = newOwner();
      const endpointId = await bench.makeEndpoint(owner);
      // Somebody else holds the endpoint while it changes: the change itself waits, and so does the message behind it.
      const reached = Promise.withResolvers<void>();
      const may = Promise.withResolvers<void>();
      const holding = transact(bench.first, async ({ trx }) => {
        await sql`SELECT FROM webhook_endpoint_sequences WHERE endpoint_id = ${endpointId} FOR UPDATE`.execute(
          trx,
        );
        reached.resolve();
        await may.promise;
      });
      await reached.promise;
      const stored = bench.store([makeMessage(owner)], { process: processes[1] ?? bench.first });
      await someoneWaits();
      await change(endpointId);
      may.resolve();
      await Promise.all([holding, stored]);
      expect(await statusesOf(endpointId)).toEqual(expected);
      expect(await bench.lastSequence(endpointId)).toBe(expected.length);
    },
  );

  test('two that need each other’s endpoints wait and do not deadlock; one that is tried again leaves no gap', async () => {
    const owner = newOwner();
    const endpoints = [await bench.makeEndpoint(owner), await bench.makeEndpoint(owner)];
    let tries = 0;
    const stored = await bench.store([makeMessage(owner)], {
      async beforeCommit() {
        tries += 1;
        if (tries === 1) throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
      },
    });
    expect([tries, stored.waiting.length]).toEqual([2, 2]);
    const deadlocks = async () =>
      (
        await sql<{ deadlocks: number }>`
          SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`.execute(bench.first.db)
      ).rows[0]?.deadlocks;
    const before = await deadlocks();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        bench.store([makeMessage(owner), makeMessage(owner)], {
          process: processes[index % 2] ?? bench.first,
        }),
      ),
    );
    expect(await deadlocks()).toBe(before);
    for (const id of endpoints) {
      expect((await bench.deliveriesTo(id)).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 41 }, (_, index) => index + 1),
      );
    }
  });

  test('whoever reads the feed meanwhile, page after page, sees every message once and in order', async () => {
    const owner = newOwner();
    const endpointId = await bench.makeEndpoint(owner);
    await bench.makeEndpoint(owner);
    const seen: number[] = [];
    let isOver = false;
    const read = async () => {
      for (let after = 0; ; ) {
        const wasOver = isOver;
        const page = await readFeed(bench.first.db, endpointId, { after, limit: 3 });
        seen.push(...page.messages.map(({ sequence }) => sequence));
        after = page.next_after;
        if (wasOver && !page.has_more) return page;
      }
    };
    const reading = read();
    const messages = Array.from({ length: 40 }, () => makeMessage(owner));
    // Both processes get overlapping parts, as they do when an acknowledgement is lost.
    await Promise.all(
      messages.flatMap((_message, index) =>
        processes.map((process, shift) =>
          bench.store(messages.slice(index + shift, index + shift + 3), { process }),
        ),
      ),
    );
    isOver = true;
    const last = await reading;
    expect(seen).toEqual(messages.map((_, index) => index + 1));
    expect([last.next_after, last.last_sequence]).toEqual([40, 40]);
  });
});

interface Storing {
  readonly kind: 'publish' | 'crash';
  readonly messages: readonly number[];
  readonly worker: number;
}
interface Changing {
  readonly kind: 'disable' | 'enable' | 'delete';
  readonly endpoint: number;
  readonly worker: number;
}
type Act = Storing | Changing;
const isStoring = (one: Act): one is Storing => 'messages' in one;

const ENDPOINTS = 3;
const MESSAGES = 12;
const worker = fc.integer({ min: 0, max: 1 });
const storing: fc.Arbitrary<Storing> = fc.record({
  kind: fc.constantFrom('publish' as const, 'publish' as const, 'crash' as const),
  messages: fc.array(fc.integer({ min: 0, max: MESSAGES - 1 }), { minLength: 1, maxLength: 4 }),
  worker,
});
const changing: fc.Arbitrary<Changing> = fc.record({
  kind: fc.constantFrom('disable' as const, 'enable' as const, 'delete' as const),
  endpoint: fc.integer({ min: 0, max: ENDPOINTS - 1 }),
  worker,
});
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: storing },
  { weight: 1, arbitrary: changing },
);
/** Acts of one round happen at once. */
const rounds = fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });

test('whatever is published, disabled, enabled, deleted and broken off, alone or at once', async () => {
  const seed = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.info(`sequences: FC_SEED=${seed}`);
  await fc.assert(
    fc.asyncProperty(rounds, async (plan) => {
      const owner = newOwner();
      const messages = Array.from({ length: MESSAGES }, () => makeMessage(owner));
      const endpoints: string[] = [];
      for (let n = 0; n < ENDPOINTS; n += 1) endpoints.push(await bench.makeEndpoint(owner));
      const published = new Set<string>();
      const deleted = new Set<string>();
      /** What each endpoint must have in the end: it was there before and after the message was stored. */
      const owed = new Map(endpoints.map((id) => [id, new Set<string>()]));

      const perform = async (one: Act): Promise<void> => {
        const process = processes[one.worker] ?? bench.first;
        if (isStoring(one)) {
          const batch = one.messages.flatMap((index) => messages.slice(index, index + 1));
          if (one.kind === 'publish') return void (await bench.store(batch, { process }));
          const crash = () => Promise.reject(new Error('crash'));
          return expect(bench.store(batch, { process, beforeCommit: crash })).rejects.toThrow('crash');
        }
        const endpointId = endpoints[one.endpoint] ?? '';
        if (one.kind === 'disable') await disable(endpointId, process);
        if (one.kind === 'enable' && !deleted.has(endpointId)) await bench.enable(endpointId);
        if (one.kind === 'delete') await remove(endpointId, process).catch(() => undefined);
      };

      for (const round of plan) {
        for (const one of round) {
          if (one.kind === 'delete') deleted.add(endpoints[one.endpoint] ?? '');
        }
        const areThere = endpoints.filter((id) => !deleted.has(id));
        await Promise.all(round.map(perform));
        const stored = round
          .flatMap((one) => (one.kind === 'publish' ? one.messages : []))
          .flatMap((index) => messages.slice(index, index + 1))
          // One that an earlier round stored is not given to anybody else any more.
          .filter(({ message_id }) => !published.has(message_id));
        for (const { message_id } of stored) {
          published.add(message_id);
          for (const id of areThere) owed.get(id)?.add(message_id);
        }
      }

      for (const id of endpoints) {
        const rows = await bench.deliveriesTo(id);
        expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
        expect(await bench.lastSequence(id)).toBe(rows.length);
        const got = rows.map(({ message_id }) => message_id);
        expect(new Set(got).size).toBe(got.length);
        expect([...(owed.get(id) ?? [])].filter((each) => !got.includes(each))).toEqual([]);
        // What was broken off, and published by nobody else, is not there.
        expect(got.filter((each) => !published.has(each))).toEqual([]);
        const { rows: states } = await sql<{ status: string; is_deleted: boolean }>`
          SELECT status, deleted_at IS NOT NULL AS is_deleted FROM webhook_endpoints WHERE id = ${id}`.execute(
          bench.first.db,
        );
        const statuses = new Set(rows.map(({ status }) => status));
        if (states[0]?.is_deleted) expect([...statuses].filter((each) => each !== 'cancelled')).toEqual([]);
        else if (states[0]?.status === 'disabled')
          expect([...statuses].filter((each) => each !== 'held')).toEqual([]);
        else expect([...statuses].filter((each) => !['pending', 'held'].includes(each))).toEqual([]);
      }
    }),
    { numRuns: 20, seed },
  );
}, 180_000);
