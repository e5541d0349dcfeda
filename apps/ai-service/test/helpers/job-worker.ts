import { connectBus, silentLog } from '@switchboard/bus';
import { createUuidV7Ids, partnerEvents, partnerRpcs, systemClock } from '@switchboard/contracts';
import { createDatabase, createDataContext, type DataContext, startOutboxRelay } from '@switchboard/db';
import {
  createTestDatabase,
  PATIENT_DATABASE,
  patientBus,
  resetNats,
  testNatsUrl,
} from '@switchboard/stack/testing';
import pg from 'pg';
import type { z } from 'zod';
import { startJobWorker } from '../../src/consumers/analyse-job.ts';
import type { Engines, Job } from '../../src/domain/analysis/analyse-recording.ts';
import { createLocalContentEngine } from '../../src/domain/content/local-engine.ts';
import { createPocketSphinxEngine } from '../../src/domain/transcription/pocketsphinx.ts';

type Input = z.input<typeof partnerRpcs.analysisInput.reply>;

export interface WorkerBench {
  readonly ctx: DataContext<'ai'>;
  startWorker(options?: { readonly concurrency?: number }): void;
  /** Announces a job as partner-service does; gives its id. */
  announce(changes?: Partial<Job>): Promise<string>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** What was emitted about a job, by the end of its subject: `started`, `failed`, … */
  emitted(jobId: string, what: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** A transcription whose program is not there. */
const brokenEngines = (): Engines => ({
  transcription: createPocketSphinxEngine({ program: '/nowhere/pocketsphinx_batch', note: null }),
  content: createLocalContentEngine(),
});

/** The worker in this process on a database and a NATS account of its own; `answer` is partner-service. */
export const startWorkerBench = async (options: {
  readonly input: (jobId: string) => Promise<Input> | Input;
  readonly chunk?: (jobId: string, offset: number) => Uint8Array;
}): Promise<WorkerBench> => {
  await resetNats();
  const testDatabase = await createTestDatabase();
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  const ids = createUuidV7Ids(systemClock);
  const bus = patientBus(await connectBus({ url: testNatsUrl(), name: 'ai-test', log: silentLog }));
  const database = createDatabase({
    url: testDatabase.urlFor('ai'),
    schema: 'ai',
    applicationName: 'ai-test',
    log: silentLog,
    ...PATIENT_DATABASE,
  });
  const ctx = createDataContext({ database, source: 'ai-service', clock: systemClock, ids, log: silentLog });
  const relay = startOutboxRelay(ctx, { bus });
  bus.respond(partnerRpcs.analysisInput, async ({ job_id }) => options.input(job_id));
  bus.respond(partnerRpcs.audioChunk, async ({ job_id, offset }) => ({
    data: Buffer.from(options.chunk?.(job_id, offset) ?? []).toString('base64'),
  }));

  return {
    ctx,
    startWorker({ concurrency = 2 } = {}) {
      startJobWorker({
        ctx,
        bus,
        ids,
        engines: brokenEngines(),
        concurrency,
        settings: { decode: { secondsMax: 60 }, redactPersonalData: false, simulatedSlowSeconds: 0 },
        source: { policyFor: () => ({ requireHttps: false, allowPrivate: true }) },
        retrySeconds: [0.01, 0.01, 0.01],
        onFinished: () => {},
      });
    },
    async announce(changes = {}) {
      const jobId = changes.job_id ?? ids.next();
      const { example } = partnerEvents.jobQueued;
      const data = { ...example, job_id: jobId, analysis_type: 'full' as const, ...changes };
      await bus.publishEvent(partnerEvents.jobQueued, data, { source: 'partner-service' });
      return jobId;
    },
    async rows(text, values = []) {
      return (await owner.query(text, [...values])).rows;
    },
    async emitted(jobId, what) {
      const { rows } = await owner.query(
        "SELECT data FROM ai.outbox WHERE subject = $1 AND data->>'job_id' = $2 ORDER BY position",
        [`ai.analysis.${what}`, jobId],
      );
      return rows.map((row) => row.data);
    },
    async close() {
      await relay.stop();
      await bus.drain();
      await database.close();
      await owner.end();
      await testDatabase.drop();
    },
  };
};
