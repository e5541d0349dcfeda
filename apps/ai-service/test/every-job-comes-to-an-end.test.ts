import { createHash } from 'node:crypto';
import { waitFor } from '@switchboard/stack/testing';
import { afterEach, expect, test } from 'vitest';
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
    timeoutMs: 20_000,
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
