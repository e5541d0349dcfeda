import { createHash } from 'node:crypto';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
import { claimAnalysis } from '../src/domain/analysis/analysis-store.ts';
import { startWorkerBench, type WorkerBench } from './helpers/job-worker.ts';
import { readKnownRecording } from './helpers/recordings.ts';

let bench: WorkerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const failureOf = (jobId: string) =>
  waitFor(async () => (await bench?.emitted(jobId, 'failed'))?.[0], {
    what: 'the analysis to fail',
  });

test('a recording at an address where nobody listens fails after a few tries, and is not asked for without end', async () => {
  bench = await startWorkerBench({
    // The port of nobody: connections are refused.
    input: () => ({ kind: 'url', url: 'http://127.0.0.1:1025/call.wav', environment: 'sandbox' }),
  });
  bench.startWorker();
  const jobId = await bench.announce();
  expect(await failureOf(jobId)).toMatchObject({ error_details: { code: 'AUDIO_FETCH_FAILED', tries: 4 } });
});

test('an engine whose program is missing fails the job after a few tries', async () => {
  const recording = readKnownRecording('support-call').bytes;
  bench = await startWorkerBench({
    input: () => ({
      kind: 'stored',
      bytes: recording.byteLength,
      sha256: createHash('sha256').update(recording).digest('hex'),
    }),
    chunk: (_jobId, offset) => recording.subarray(offset, offset + 512 * 1024),
  });
  bench.startWorker();
  const jobId = await bench.announce();
  expect(await failureOf(jobId)).toMatchObject({ error_details: { code: 'ANALYSIS_FAILED', tries: 4 } });
});

const nothing = Buffer.from('nothing that is looked at');
const stored = () => ({
  kind: 'stored' as const,
  bytes: nothing.byteLength,
  sha256: createHash('sha256').update(nothing).digest('hex'),
});

test('a job that is announced again long after its end is done again: what came of it was lost', async () => {
  bench = await startWorkerBench({ input: stored, chunk: () => nothing });
  bench.startWorker();
  const jobId = await bench.announce({ simulate: 'failure' });
  await failureOf(jobId);

  // At once it is a repetition, such as one that waited in a long queue.
  await bench.announce({ job_id: jobId, simulate: 'failure' });
  await waitFor(async () => (await bench?.rows('SELECT FROM ai.inbox'))?.length === 2);
  expect(await bench.emitted(jobId, 'failed')).toHaveLength(1);

  await bench.rows("UPDATE ai.analyses SET finished_at = finished_at - interval '15 minutes'");
  await bench.announce({ job_id: jobId, simulate: 'failure' });
  await waitFor(async () => (await bench?.rows('SELECT FROM ai.inbox'))?.length === 3);
  expect(await bench.emitted(jobId, 'failed')).toHaveLength(2);
  const rows = await bench.rows('SELECT status, error_code FROM ai.analyses');
  expect(rows).toEqual([{ status: 'failed', error_code: 'SIMULATED_FAILURE' }]);
});

test('of recordings that may cost one worker more, one is analysed at a time: the good ones outlive the bad', async () => {
  const asked: string[] = [];
  const held = Promise.withResolvers<void>();
  const [first, second, healthy] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  bench = await startWorkerBench({
    async input(jobId) {
      asked.push(jobId);
      if (jobId === first) await held.promise;
      return stored();
    },
    chunk: () => nothing,
  });
  await bench.rows(
    'INSERT INTO ai.analyses (job_id, attempt, dead_workers, created_at) VALUES ($1, 2, 2, now()), ($2, 2, 2, now())',
    [first, second],
  );
  await bench.announce({ job_id: first, simulate: 'failure' });
  bench.startWorker();
  await waitFor(() => asked.length === 1);
  await bench.announce({ job_id: second, simulate: 'failure' });
  await bench.announce({ job_id: healthy, simulate: 'failure' });
  await failureOf(healthy);
  const askedMeanwhile = [...asked];
  held.resolve();
  expect(askedMeanwhile).toEqual([first, healthy]);
  await failureOf(second);
  await failureOf(first);
});

test('a lease of its own that could not be given back is no dead worker', async () => {
  bench = await startWorkerBench({ input: stored });
  const { ctx } = bench;
  const beganMs = Date.now();
  const lease = (workerId: string, afterSeconds: number) => ({
    jobId: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
    workerId,
    leaseSeconds: 15,
    deadWorkersMax: 3,
    now: new Date(beganMs + afterSeconds * 1000),
  });
  const claim = (workerId: string, afterSeconds: number) =>
    ctx.db.transaction().execute((trx) => claimAnalysis(trx, lease(workerId, afterSeconds)));
  expect(await claim('one', 0)).toMatchObject({ kind: 'taken', deadWorkers: 0 });
  expect(await claim('other', 1)).toMatchObject({ kind: 'busy' });
  // Postgres was away when it was to be released.
  expect(await claim('one', 2)).toMatchObject({ kind: 'taken', deadWorkers: 0 });
  expect(await claim('one', 60)).toMatchObject({ kind: 'taken', deadWorkers: 0 });
  expect(await claim('other', 120)).toMatchObject({ kind: 'taken', deadWorkers: 1 });
});
