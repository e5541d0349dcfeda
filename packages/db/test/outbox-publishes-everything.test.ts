import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, messageOf } from '@switchboard/bus';
import { createManualClock } from '@switchboard/contracts';
import { resetNats, startNats, startPostgres, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanUp, onEvent, startConsumer, transact } from '../src/index.ts';
import { cancelJob, countRows, createBench, ids, jobCancelled, listen, type Partner } from './helpers.ts';

const bench = createBench();
beforeEach(resetNats);
afterEach(bench.close);

const partner = async (): Promise<Partner> =>
  bench.openPartner((await bench.openDatabase()).urlFor('partner'));

const cancelMany = (ctx: Partner, count: number): Promise<string[]> =>
  transact(ctx, async ({ emit }) =>
    Array.from({ length: count }, () => emit(jobCancelled, { job_id: ids.next() })),
  );

/** What the stream keeps: whoever listens hears once more what was published again because its ack came late. */
const storedIn = async (bus: Bus): Promise<(string | null)[]> => {
  const { lastSequence = 0 } = (await bus.streamState('PARTNER')) ?? {};
  return bus.messageIds(
    'PARTNER',
    Array.from({ length: lastSequence }, (_, at) => at + 1),
  );
};

test('events written while NATS is away are published, in order, when it comes', async () => {
  const ctx = await partner();
  const nats = await startNats();
  await nats.kill();
  const bus = await bench.openBus(nats.url);
  const relay = bench.relay(ctx, { bus });
  const emitted = [await cancelJob(ctx), ...(await cancelMany(ctx, 50)), await cancelJob(ctx)];
  expect(await relay.stats()).toMatchObject({ waiting: 52, published: 0 });
  await nats.restart();
  await relay.flush();
  expect(await storedIn(bus)).toEqual(emitted);
  expect(await relay.stats()).toMatchObject({ waiting: 0, oldestAgeSeconds: 0, failed: 0 });
  await relay.stop();
  await bus.close();
  await nats.stop();
});

test('a store that is deleted while NATS is down is filled again from the outbox, and effects happen once', async () => {
  const ctx = await partner();
  const nats = await startNats();
  const bus = await bench.openBus(nats.url);
  const relay = bench.relay(ctx, { bus });
  const effects: string[] = [];
  const consumer = startConsumer(ctx, {
    bus,
    durable: 'test-effects',
    on: [onEvent(jobCancelled, async ({ envelope }) => void effects.push(envelope.id))],
  });
  const emitted = await cancelMany(ctx, 120);
  await waitFor(() => effects.length === 120);
  await relay.flush();

  await nats.kill();
  await rm(join(nats.dir, 'jetstream'), { recursive: true });
  const meanwhile = await cancelMany(ctx, 3);
  await nats.restart();

  await waitFor(async () => (await bus.streamState('PARTNER'))?.messages === 123, {
    what: 'the store to be filled again',
  });
  await waitFor(() => effects.length === 123);
  await waitFor(
    async () => (await consumer.lag())?.pending === 0 && (await consumer.lag())?.ackPending === 0,
  );
  expect(effects).toHaveLength(123);
  expect(new Set(effects)).toEqual(new Set([...emitted, ...meanwhile]));
  expect((await relay.stats()).republished).toBe(120);
  await consumer.stop();
  await relay.stop();
  await bus.close();
  await nats.stop();
});

test('a stream that is deleted while everything runs is filled again', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const relay = bench.relay(ctx, { bus });
  await cancelMany(ctx, 30);
  await relay.flush();
  await resetNats();
  await cancelJob(ctx);
  await waitFor(async () => (await bus.streamState('PARTNER'))?.messages === 31, {
    what: 'all events to be back',
  });
});

test('a stream that lost its end, as after a power cut, gets it again', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const before = bench.relay(ctx, { bus });
  await cancelMany(ctx, 5);
  await before.flush();
  await before.stop();
  // As if the last two had been acknowledged further on than the stream now reaches.
  await sql`update outbox set stream_sequence = stream_sequence + 1000 where stream_sequence > 3`.execute(
    ctx.db,
  );
  const after = bench.relay(ctx, { bus });
  await waitFor(async () => (await after.stats()).published === 2);
  expect((await after.stats()).republished).toBe(2);
});

describe('a stream that lost its end, to which another producer published first', () => {
  /** The store as it was when the first service had published five of its eight; then the other one publishes four. */
  const cutBack = async () => {
    const [ctx, other] = [await partner(), await partner()];
    const nats = await startNats();
    bench.later(() => nats.stop());
    const store = join(nats.dir, 'jetstream');
    const publish = async (from: Partner, count: number) => {
      const bus = await bench.openBus(nats.url);
      const relay = bench.relay(from, { bus });
      const emitted = await cancelMany(from, count);
      await waitFor(() => bus.isConnected());
      await relay.flush();
      await relay.stop();
      await bus.close();
      return emitted;
    };
    const emitted = await publish(ctx, 5);
    await nats.kill();
    await cp(store, `${store}-older`, { recursive: true });
    await nats.restart();
    emitted.push(...(await publish(ctx, 3)));
    await nats.kill();
    await rm(store, { recursive: true });
    await cp(`${store}-older`, store, { recursive: true });
    await nats.restart();
    emitted.push(...(await publish(other, 4)));
    return { ctx, nats, emitted };
  };
  const stored = async (natsUrl: string, count: number): Promise<(string | null)[]> => {
    const bus = await bench.openBus(natsUrl);
    await waitFor(async () => (await bus.streamState('PARTNER'))?.messages === count, {
      what: `${count} events in the stream`,
    });
    return bus.messageIds(
      'PARTNER',
      Array.from({ length: count }, (_, at) => at + 1),
    );
  };

  test('gets it again', async () => {
    const { ctx, nats, emitted } = await cutBack();
    const relay = bench.relay(ctx, { bus: await bench.openBus(nats.url) });
    const found = await stored(nats.url, 12);
    expect([...found].sort()).toEqual([...emitted].sort());
    // The last row is marked after the stream has its event.
    await waitFor(async () => (await relay.stats()).published === 3, { what: 'the marks' });
    expect(await relay.stats()).toMatchObject({ republished: 3, published: 3 });
  });

  test('gets it again though a replica that knows nothing of the cut publishes next', async () => {
    const { ctx, nats, emitted } = await cutBack();
    // What this replica publishes is the last of the service, and intact.
    const bus = await bench.openBus(nats.url);
    const blind = bench.relay(ctx, {
      bus: { ...bus, messageIds: async (_stream, sequences) => sequences.map(() => null) },
    });
    emitted.push(...(await cancelMany(ctx, 2)));
    await waitFor(() => bus.isConnected());
    await blind.flush();
    await blind.stop();
    expect(await blind.stats()).toMatchObject({ republished: 0 });
    bench.relay(ctx, { bus });
    const found = await stored(nats.url, 14);
    expect([...found].sort()).toEqual([...emitted].sort());
  });
});

test('a batch that was under way when the connection broke goes out again, after a look at the stream, and is kept once', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const did: string[] = [];
  const listeners = new Set<() => void>();
  const relay = bench.relay(ctx, {
    bus: {
      ...bus,
      onConnect(listener) {
        listeners.add(listener);
        return bus.onConnect(listener);
      },
      async publishAll(messages) {
        const outcomes = await bus.publishAll(messages);
        if (did.push(`publish ${messages.length}`) === 1) for (const listener of listeners) listener();
        return outcomes;
      },
      async streamState(name) {
        if (name === 'PARTNER' && did.length > 0) did.push('look');
        return bus.streamState(name);
      },
    },
  });
  await cancelMany(ctx, 4);
  await relay.flush();
  await relay.stop();
  expect(did.slice(0, 3)).toEqual(['publish 4', 'look', 'publish 4']);
  // It looks again every few seconds.
  expect(did.slice(3)).not.toContain('publish 4');
  expect(await bus.streamState('PARTNER')).toMatchObject({ messages: 4 });
});

test('a Postgres that is killed and comes back finds its relay waiting', async () => {
  const postgres = await startPostgres();
  bench.later(() => postgres.stop());
  const ctx = bench.openPartner(postgres.urlFor('partner'));
  const bus = await bench.openBus();
  const heard = listen(bus);
  bench.relay(ctx, { bus });
  const first = await cancelJob(ctx);
  await waitFor(() => heard.includes(first));
  await postgres.kill();
  await expect(cancelJob(ctx)).rejects.toThrow();
  await postgres.restart();
  const second = await waitFor(() => cancelJob(ctx), { what: 'Postgres to take commits' });
  await waitFor(() => heard.includes(second), { what: 'the relay to go on' });
});

test('two relays together publish everything, each row once', async () => {
  const database = await bench.openDatabase();
  const [one, two] = [
    bench.openPartner(database.urlFor('partner')),
    bench.openPartner(database.urlFor('partner')),
  ];
  const bus = await bench.openBus();
  const [first, second] = [bench.relay(one, { bus, batchRows: 7 }), bench.relay(two, { bus, batchRows: 7 })];
  const emitted = await Promise.all(Array.from({ length: 200 }, (_, at) => cancelJob(at % 2 ? one : two)));
  await Promise.all([first.flush(), second.flush()]);
  expect((await storedIn(bus)).toSorted()).toEqual(emitted.toSorted());
  const counts = await Promise.all([first.stats(), second.stats()]);
  expect(counts[0].published + counts[1].published).toBe(200);
});

test('what another replica publishes while a relay looks at the stream is not taken for lost', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const other = bench.relay(ctx, { bus });
  await cancelMany(ctx, 3);
  await other.flush();
  let looks = 0;
  const relay = bench.relay(ctx, {
    bus: {
      ...bus,
      async streamState(name) {
        const state = await bus.streamState(name);
        if (name === 'PARTNER' && looks < 2) {
          looks += 1;
          await cancelMany(ctx, 3);
          await other.flush();
        }
        return state;
      },
    },
  });
  await waitFor(() => looks > 0);
  await cancelJob(ctx);
  await relay.flush();
  await relay.stop();
  expect(await relay.stats()).toMatchObject({ republished: 0 });
});

test('a relay that died between publishing and marking does no harm: the repetition is dropped', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const id = await cancelJob(ctx);
  const found = await sql<{ data: unknown }>`select data from outbox`.execute(ctx.db);
  const envelope = {
    specversion: '1.0' as const,
    id,
    source: 'partner-service',
    type: 'partner.job.cancelled.v1',
    time: new Date().toISOString(),
    datacontenttype: 'application/json' as const,
    data: found.rows[0]?.data,
  };
  await bus.publish(messageOf(envelope, jobCancelled.name));
  const relay = bench.relay(ctx, { bus });
  await relay.flush();
  expect(await bus.streamState('PARTNER')).toMatchObject({ messages: 1 });
});

test('a row that can never be published says why, and holds up nobody', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const heard = listen(bus);
  await sql`select emit_event('no.such.event', '{}'), emit_event('partner.*', '{}'), emit_event('partner.job.queued',
    json_build_object('much', repeat('x', 1100000)))`.execute(ctx.db);
  const id = await cancelJob(ctx);
  const relay = bench.relay(ctx, { bus });
  await relay.flush();
  await waitFor(() => heard.length > 0);
  expect(heard).toEqual([id]);
  expect(await relay.stats()).toMatchObject({ waiting: 0, failed: 3, published: 1 });
  const failed = await sql<{
    error: string;
  }>`select error from outbox where failed_at is not null order by position`.execute(ctx.db);
  expect(failed.rows.map(({ error }) => error)).toEqual([
    expect.stringContaining('No stream keeps the subject'),
    expect.stringContaining('not a subject that can be published on'),
    expect.stringContaining('bytes, more than'),
  ]);
});

test('large events leave too, though not all in one batch', async () => {
  const ctx = await partner();
  const bus = await bench.openBus();
  const relay = bench.relay(ctx, { bus });
  // Not compressible: hex of random bytes.
  await sql`
    insert into outbox (subject, type, data)
    select 'partner.job.queued', 'partner.job.queued.v1',
      json_build_object('text', (select string_agg(md5(random()::text || n || i), '') from generate_series(1, 25000) i))
    from generate_series(1, 12) n`.execute(ctx.db);
  await relay.flush();
  expect(await bus.streamState('PARTNER')).toMatchObject({ messages: 12 });
});

test('what is past its time goes: published events, handled events, answers', async () => {
  const clock = createManualClock(new Date().toISOString());
  const ctx = bench.openPartner((await bench.openDatabase()).urlFor('partner'), clock);
  const bus = await bench.openBus();
  const relay = bench.relay(ctx, { bus });
  await cancelMany(ctx, 2_500);
  await relay.flush();
  await sql`insert into inbox select 'test', gen_random_uuid(), ${clock.now()} from generate_series(1, 1500)`.execute(
    ctx.db,
  );
  await sql`insert into idempotency_records select 's', n, 'h', 200, '{}', ${clock.now()}, ${clock.now()}::timestamptz + interval '24 hours'
    from generate_series(1, 10) n`.execute(ctx.db);
  clock.advance(24 * 3600 + 1);
  expect(await cleanUp(ctx)).toBe(10);
  clock.advance(48 * 3600);
  expect(await cleanUp(ctx)).toBe(2_500);
  expect(await countRows(ctx, 'inbox')).toBe(1_500);
  clock.advance(8 * 86_400);
  expect(await cleanUp(ctx)).toBe(1_500);
});

test('an event that waits is never thrown away, however old', async () => {
  const clock = createManualClock(new Date().toISOString());
  const ctx = bench.openPartner((await bench.openDatabase()).urlFor('partner'), clock);
  await cancelJob(ctx);
  clock.advance(365 * 86_400);
  expect(await cleanUp(ctx)).toBe(0);
  const bus = await bench.openBus(testNatsUrl());
  const mayPublish = Promise.withResolvers<void>();
  const relay = bench.relay(ctx, {
    bus: {
      ...bus,
      async publishAll(messages) {
        await mayPublish.promise;
        return bus.publishAll(messages);
      },
    },
  });
  expect((await relay.stats()).oldestAgeSeconds).toBeGreaterThan(300 * 86_400);
  mayPublish.resolve();
  await relay.flush();
  expect((await relay.stats()).published).toBe(1);
});
