import { webhookEvents } from '@switchboard/contracts';
import { resetNats, waitFor } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isTransientDatabaseError, transact } from '../src/index.ts';
import {
  analysisStarted,
  cancelJob,
  countRows,
  createBench,
  ids,
  jobCancelled,
  listen,
  type Partner,
} from './helpers.ts';

const { messagePublished } = webhookEvents;
const bench = createBench();
let ctx: Partner;
beforeEach(async () => {
  await resetNats();
  ctx = bench.openPartner((await bench.openDatabase()).urlFor('partner'));
});
afterEach(bench.close);

test('what is rolled back is never published; what is committed is', async () => {
  const bus = await bench.openBus();
  const heard = listen(bus);
  bench.relay(ctx, { bus });
  await expect(
    transact(ctx, async ({ emit }) => {
      emit(jobCancelled, { job_id: ids.next() });
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  const id = await cancelJob(ctx);
  await waitFor(() => heard.length > 0);
  expect(heard).toEqual([id]);
  expect(await countRows(ctx, 'outbox')).toBe(1);
});

test('data that does not fit its contract undoes the transaction', async () => {
  await expect(transact(ctx, async ({ emit }) => emit(jobCancelled, { job_id: 'nonsense' }))).rejects.toThrow(
    /job_id/,
  );
  expect(await countRows(ctx, 'outbox')).toBe(0);
});

test('what a contract does not name is not published', async () => {
  const data = { job_id: ids.next(), api_secret: 'sk_leaked' };
  await transact(ctx, async ({ emit }) => emit(jobCancelled, data));
  const found = await sql<{ data: object }>`select data from outbox`.execute(ctx.db);
  expect(found.rows).toEqual([{ data: { job_id: data.job_id } }]);
});

test('a service cannot speak for another', async () => {
  const foreign = transact(ctx, async ({ emit }) =>
    emit(analysisStarted, { job_id: ids.next(), attempt: 1 }),
  );
  await expect(foreign).rejects.toThrow(/emitted by ai-service, not by partner-service/);
});

test('what any service may say, each says for itself, and is heard as its own', async () => {
  const bus = await bench.openBus();
  const heard: string[] = [];
  bus.subscribe(messagePublished, (data, { source }) => void heard.push(`${source}: ${data.message_id}`));
  bench.relay(ctx, { bus });
  await transact(ctx, async ({ emit }) => emit(messagePublished, messagePublished.example));
  await waitFor(() => heard.length > 0);
  expect(heard).toEqual([`partner-service: ${messagePublished.example.message_id}`]);
  // Text that no receiver could be sent as it was signed is refused where it is said.
  const broken = { ...messagePublished.example, body: 'half of a pair: \ud83d' };
  await expect(transact(ctx, async ({ emit }) => emit(messagePublished, broken))).rejects.toThrow(/body/);
});

test('an emit that nobody waited for fails loudly', async () => {
  let late: () => unknown = () => undefined;
  await transact(ctx, async ({ emit }) => {
    late = () => emit(jobCancelled, { job_id: ids.next() });
  });
  expect(late).toThrow(/after its transaction ended/);
});

test('two transactions that deadlock both happen', async () => {
  await sql`insert into inbox (consumer, event_id, handled_at) values ('a', ${ids.next()}, now()), ('b', ${ids.next()}, now())`.execute(
    ctx.db,
  );
  let runs = 0;
  let arrived = 0;
  let open: () => void = () => undefined;
  const both = new Promise<void>((resolve) => {
    open = resolve;
  });
  const touch = (first: string, second: string) =>
    transact(ctx, async ({ trx, emit }) => {
      runs += 1;
      await sql`update inbox set handled_at = now() where consumer = ${first}`.execute(trx);
      arrived += 1;
      if (arrived === 2) open();
      await both;
      await sql`update inbox set handled_at = now() where consumer = ${second}`.execute(trx);
      emit(jobCancelled, { job_id: ids.next() });
    });
  await Promise.all([touch('a', 'b'), touch('b', 'a')]);
  expect(runs).toBe(3);
  expect(await countRows(ctx, 'outbox')).toBe(2);
});

test('a trigger emits too, and its event is published without anybody being told', async () => {
  const bus = await bench.openBus();
  const heard = listen(bus);
  bench.relay(ctx, { bus });
  const found = await sql<{ id: string }>`
    select emit_event('partner.job.cancelled', json_build_object('job_id', ${ids.next()}::text)) as id`.execute(
    ctx.db,
  );
  await waitFor(() => heard.length > 0);
  expect(heard).toEqual([found.rows[0]?.id]);
});

test('a lost connection is told apart from a fault of the work', async () => {
  const caught = async (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: unknown) => error,
    );
  const killed = await caught(
    transact(ctx, async ({ trx }) => {
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx);
    }),
  );
  expect(isTransientDatabaseError(killed)).toBe(true);
  expect(isTransientDatabaseError(await caught(sql`select 1/0`.execute(ctx.db)))).toBe(false);
  expect(isTransientDatabaseError(new Error('anything'))).toBe(false);
  // The pool has forgotten the dead connection, and the process lives.
  await cancelJob(ctx);
});
