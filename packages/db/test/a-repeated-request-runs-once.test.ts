import { createManualClock } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { idempotent, transact } from '../src/index.ts';
import { countRows, createBench, ids, jobCancelled, type Partner } from './helpers.ts';

const bench = createBench();
const clock = createManualClock();
const bodySchema = z.object({ job_id: z.string(), order: z.array(z.string()) });
let ctx: Partner;
beforeEach(async () => {
  ctx = bench.openPartner((await bench.openDatabase()).urlFor('partner'), clock);
});
afterEach(bench.close);

let runs = 0;
beforeEach(() => {
  runs = 0;
});
const request = (key: string, requestHash = 'hash', before: () => Promise<unknown> = async () => undefined) =>
  transact(ctx, async ({ trx, emit }) =>
    idempotent(
      { trx, scope: 'partner:sandbox:POST /calls/analyze', key, requestHash, clock },
      async () => {
        runs += 1;
        const job_id = ids.next();
        emit(jobCancelled, { job_id });
        await before();
        return { status: 202, body: { job_id, order: ['z', 'a'] } };
      },
      (stored) => bodySchema.parse(stored),
    ),
  );

test('the second request gets the answer of the first', async () => {
  const first = await request('key');
  const second = await request('key');
  expect(first).toMatchObject({ replayed: false, status: 202 });
  expect(second).toEqual({ ...first, replayed: true });
  expect(runs).toBe(1);
  expect(await countRows(ctx, 'outbox')).toBe(1);
});

test('thirty at the same time run once and all get the same', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, () => request('key')));
  expect(runs).toBe(1);
  expect(new Set(answers.map(({ body }) => body.job_id)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
});

test('another request under the same key is refused', async () => {
  await request('key', 'hash');
  await expect(request('key', 'other hash')).rejects.toMatchObject({
    code: 'DUPLICATE_REQUEST',
    status: 409,
  });
  expect(runs).toBe(1);
});

test('one that waits runs itself when the first fails', async () => {
  let fail: (error: Error) => void = () => undefined;
  const failing = request(
    'key',
    'hash',
    () =>
      new Promise((_resolve, reject) => {
        fail = reject;
      }),
  );
  await waitFor(() => runs === 1);
  const waiting = request('key');
  await waitFor(
    async () => {
      const found = await sql<{ count: number }>`
      select count(*) as count from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(
        ctx.db,
      );
      return found.rows[0]?.count === 1;
    },
    { what: 'the second request to wait' },
  );
  fail(new Error('the first one broke'));
  await expect(failing).rejects.toThrow('the first one broke');
  expect(await waiting).toMatchObject({ replayed: false });
  expect(await countRows(ctx, 'idempotency_records')).toBe(1);
});

test('after 24 hours the key is free again', async () => {
  await request('key', 'hash');
  clock.advance(24 * 3600);
  expect(await request('key', 'other hash')).toMatchObject({ replayed: false });
  expect(runs).toBe(2);
});
