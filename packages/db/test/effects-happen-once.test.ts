import { type Bus, createEnvelope, messageOf } from '@switchboard/bus';
import { resetNats, startNats, startPostgres, waitFor } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commonFilter } from '../src/consumers/route.ts';
import { onEvent, startBatchConsumer, startConsumer, startWorker } from '../src/index.ts';
import {
  analysisProgressed,
  analysisStarted,
  cancelJob,
  countRows,
  createBench,
  ids,
  jobCancelled,
  type Partner,
} from './helpers.ts';

/** The server may stand still for a while. */
const PATIENT = { timeoutMs: 30_000 };
const bench = createBench();
let ctx: Partner;
let bus: Bus;
beforeEach(async () => {
  await resetNats();
  ctx = bench.openPartner((await bench.openDatabase()).urlFor('partner'));
  bus = await bench.openBus();
});
afterEach(bench.close);

/** Publishes the same event under as many message ids: as if it came again days later. */
const publishRepeatedly = async (times: number): Promise<string> => {
  const id = ids.next();
  const envelope = createEnvelope({
    event: jobCancelled,
    data: { job_id: id },
    id,
    source: 'partner-service',
    time: new Date(),
  });
  for (let time = 0; time < times; time += 1) {
    await bus.publish(messageOf(envelope, jobCancelled.name, { msgId: `${id}-${time}` }), PATIENT);
  }
  return id;
};

describe('a consumer', () => {
  test('has one effect however often an event comes, over several replicas', async () => {
    let effects = 0;
    const consumers = [1, 2].map(() =>
      startConsumer(ctx, {
        bus,
        durable: 'test-once',
        on: [
          onEvent(jobCancelled, async () => {
            effects += 1;
          }),
        ],
      }),
    );
    await publishRepeatedly(25);
    await waitFor(() => consumers.reduce((sum, consumer) => sum + consumer.stats().handled, 0) === 25);
    expect(effects).toBe(1);
    expect(await countRows(ctx, 'inbox')).toBe(1);
  });

  test('that fails leaves nothing, and tries again', async () => {
    let tries = 0;
    const consumer = startConsumer(ctx, {
      bus,
      durable: 'test-retry',
      backoff: { firstMs: 10, maxMs: 20 },
      on: [
        onEvent(jobCancelled, async ({ trx, emit, data }) => {
          tries += 1;
          emit(jobCancelled, data);
          await sql`insert into idempotency_records values ('s', ${data.job_id}, 'h', 1, '1', now(), now())`.execute(
            trx,
          );
          if (tries < 3) throw new Error('not yet');
        }),
      ],
    });
    await publishRepeatedly(1);
    await waitFor(() => consumer.stats().handled === 1);
    expect(tries).toBe(3);
    expect(await countRows(ctx, 'idempotency_records')).toBe(1);
    expect(await countRows(ctx, 'outbox')).toBe(1);
  });

  test('gives each event of its list to its own handler and skips the others', async () => {
    const heard: string[] = [];
    const consumer = startConsumer(ctx, {
      bus,
      durable: 'test-list',
      on: [
        onEvent(analysisStarted, async ({ data }) => void heard.push(`started ${data.attempt}`)),
        onEvent(analysisProgressed, async ({ data }) => void heard.push(`progress ${data.progress}`)),
      ],
    });
    const job_id = ids.next();
    const source = 'ai-service';
    await bus.publishEvent(analysisStarted, { job_id, attempt: 2 }, { source });
    await bus.publish({ subject: 'ai.analysis.invented', msgId: 'x', payload: emptyEnvelope() });
    await bus.publishEvent(analysisProgressed, { job_id, progress: 30 }, { source });
    await waitFor(() => consumer.stats().handled === 3);
    expect(heard.sort()).toEqual(['progress 30', 'started 2']);
    expect(consumer.stats().dead).toBe(0);
  });

  test('sets aside data that its contract refuses, and can have it back', async () => {
    const consumer = startConsumer(ctx, {
      bus,
      durable: 'test-poison',
      on: [onEvent(jobCancelled, async () => undefined)],
    });
    await bus.publish({
      subject: jobCancelled.name,
      msgId: 'poison',
      payload: emptyEnvelope('partner.job.cancelled.v1'),
    });
    await waitFor(() => consumer.stats().dead === 1);
    const [dead] = await bus.listDead();
    expect(dead?.error).toContain('job_id');
    expect(await bus.putBackDead('all')).toBe(1);
    await waitFor(() => consumer.stats().dead === 2);
    expect(await countRows(ctx, 'inbox')).toBe(0);
  });

  test('waits out a Postgres that is killed, without giving up any event', { timeout: 180_000 }, async () => {
    const postgres = await startPostgres();
    bench.later(() => postgres.stop());
    const local = bench.openPartner(postgres.urlFor('partner'));
    let entered = 0;
    const consumer = startConsumer(local, {
      bus,
      durable: 'test-away',
      failuresMax: 1,
      on: [
        onEvent(jobCancelled, async ({ trx }) => {
          entered += 1;
          await sql`select 1`.execute(trx);
        }),
      ],
    });
    await publishRepeatedly(1);
    await waitFor(() => consumer.stats().handled === 1);
    await postgres.kill();
    const publishing = await Promise.all(Array.from({ length: 10 }, () => publishRepeatedly(1)));
    expect(publishing).toHaveLength(10);
    await waitFor(async () => ((await consumer.lag())?.ackPending ?? 0) > 0, { what: 'messages that wait' });
    await postgres.restart();
    await waitFor(() => consumer.stats().handled === 11, { what: 'the rest', timeoutMs: 90_000 });
    expect(consumer.stats().dead).toBe(0);
    expect(entered).toBeGreaterThanOrEqual(11);
    await consumer.stop();
  });
});

describe('a consumer of batches', () => {
  test('has one effect for each event, and is held up by none that cannot be handled', async () => {
    const bad = ids.next();
    const effects: string[] = [];
    const consumer = startBatchConsumer(ctx, {
      bus,
      durable: 'test-batch',
      event: jobCancelled,
      failuresMax: 1,
      handler: async (items) => {
        if (items.some(({ data }) => data.job_id === bad)) throw new Error('not this one');
        return items.map(({ envelope }) => envelope.id);
      },
      onCommitted: (handled) => effects.push(...handled),
    });
    const good = await Promise.all(Array.from({ length: 40 }, () => publishRepeatedly(2)));
    await bus.publishEvent(jobCancelled, { job_id: bad }, { source: 'partner-service', id: bad });
    await waitFor(() => consumer.stats().handled === 80 && consumer.stats().dead === 1);
    expect([...effects].sort()).toEqual([...good].sort());
    expect(await countRows(ctx, 'inbox')).toBe(40);
  });
});

describe('a worker', () => {
  test('counts an event as handled with the transaction that ends it, and only once', async () => {
    let works = 0;
    let finishes = 0;
    const worker = startWorker(ctx, {
      bus,
      durable: 'test-worker',
      event: jobCancelled,
      handler: async ({ data, finish }) => {
        works += 1;
        const outcome = await finish(async ({ emit }) => {
          finishes += 1;
          return emit(jobCancelled, data);
        });
        expect(outcome.finished).toBe(true);
      },
    });
    await publishRepeatedly(1);
    await waitFor(() => worker.stats().handled === 1);
    await publishRepeatedly(3);
    await waitFor(() => worker.stats().handled === 4);
    expect(finishes).toBe(2);
    expect(works).toBeGreaterThanOrEqual(2);
    expect(await countRows(ctx, 'outbox')).toBe(2);
  });

  test('that comes second with the same event does not finish it again', async () => {
    const outcomes: boolean[] = [];
    let arrived = 0;
    let open: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const worker = startWorker(ctx, {
      bus,
      durable: 'test-race',
      event: jobCancelled,
      handler: async ({ finish }) => {
        arrived += 1;
        if (arrived === 2) open();
        await both;
        outcomes.push((await finish(async () => undefined)).finished);
      },
    });
    await publishRepeatedly(2);
    await waitFor(() => worker.stats().handled === 2);
    expect(outcomes.sort()).toEqual([false, true]);
  });

  test('that ends without finishing is a fault, not a loss', async () => {
    const worker = startWorker(ctx, {
      bus,
      durable: 'test-forgot',
      event: jobCancelled,
      failuresMax: 1,
      handler: async () => undefined,
    });
    await publishRepeatedly(1);
    await waitFor(() => worker.stats().dead === 1);
    expect((await bus.listDead())[0]?.error).toContain('without finish()');
  });

  test('that stops gives its event to another at once', async () => {
    const leaving = startWorker(ctx, {
      bus,
      durable: 'test-leaving',
      event: jobCancelled,
      handler: ({ signal, giveBack }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(giveBack(0)));
        }),
    });
    await publishRepeatedly(1);
    await waitFor(() => leaving.stats().inFlight === 1);
    await leaving.stop({ deadlineSeconds: 0.5 });
    const staying = startWorker(ctx, {
      bus,
      durable: 'test-leaving',
      event: jobCancelled,
      handler: async ({ finish }) => void (await finish(async () => undefined)),
    });
    await waitFor(() => staying.stats().handled === 1);
  });
});

test('events go from one service to another and back while NATS is killed twice, each with one effect', {
  timeout: 180_000,
}, async () => {
  const nats = await startNats();
  bench.later(() => nats.stop());
  const local = await bench.openBus(nats.url);
  bench.relay(ctx, { bus: local });
  const effects: string[] = [];
  startConsumer(ctx, {
    bus: local,
    durable: 'test-chaos',
    ackWaitSeconds: 1,
    on: [onEvent(jobCancelled, async ({ envelope }) => void effects.push(envelope.id))],
  });
  const emitted: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 40; count += 1) emitted.push(await cancelJob(ctx));
    if (round === 2) break;
    await nats.kill();
    for (let count = 0; count < 10; count += 1) emitted.push(await cancelJob(ctx));
    await nats.restart();
  }
  await waitFor(() => new Set(effects).size === emitted.length, { what: 'every effect', timeoutMs: 90_000 });
  expect([...new Set(effects)].sort()).toEqual(emitted.sort());
  // The last of them had its effect a moment before its transaction ended.
  await waitFor(async () => (await countRows(ctx, 'inbox')) === emitted.length, { what: 'the last commit' });
});

test('one filter covers a list of events', () => {
  expect(commonFilter(['ai.analysis.started', 'ai.analysis.failed'])).toBe('ai.analysis.*');
  expect(commonFilter(['partner.job.queued'])).toBe('partner.job.queued');
  expect(commonFilter(['partner.job.queued', 'partner.key.changed'])).toBe('partner.*.*');
  expect(commonFilter(['gateway.request.completed.partner-service', 'gateway.request.failed'])).toBe(
    'gateway.request.>',
  );
  expect(() => commonFilter(['ai.analysis.started', 'partner.job.queued'])).toThrow(/one domain/);
});

const emptyEnvelope = (type = 'ai.analysis.invented.v1'): string =>
  JSON.stringify({
    specversion: '1.0',
    id: ids.next(),
    source: 'test',
    type,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data: {},
  });
