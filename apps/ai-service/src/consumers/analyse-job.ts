import { setTimeout as pause } from 'node:timers/promises';
import { type Bus, type Consumer, isTransientBusError } from '@switchboard/bus';
import { aiEvents, type Ids, partnerEvents } from '@switchboard/contracts';
import {
  type DataContext,
  type Emit,
  isTransientDatabaseError,
  startWorker,
  transact,
  type WorkItem,
} from '@switchboard/db';
import {
  type Analysis,
  type AnalysisSettings,
  analyseRecording,
  type Engines,
  type Job,
} from '../domain/analysis/analyse-recording.ts';
import {
  claimAnalysis,
  finishAnalysis,
  recordFailure,
  releaseAnalysis,
  renewLease,
} from '../domain/analysis/analysis-store.ts';
import { fetchRecording, type RecordingSource } from '../domain/analysis/fetch-recording.ts';
import { AnalysisFailure, PassingFailure } from '../domain/analysis/types.ts';

/** The consumer's memory in JetStream and in the inbox: never to be renamed. */
const DURABLE = 'ai-call-analysis';
/** The message of a dead worker goes to another after this time; with the lease that is well under 30 s. */
const ACK_WAIT_SECONDS = 15;
const LEASE_SECONDS = 15;
const HEARTBEAT_SECONDS = 5;
const DEAD_WORKERS_MAX = 3;
/** How long a suspect waits while this worker has another one. */
const SUSPECT_SECONDS = 5;
/**
 * Waits between tries that failed; one more failure ends the job. Some two minutes in all, so that a server of ours or of
 * the partner's that is started anew costs no job.
 */
const RETRY_SECONDS: readonly number[] = [5, 25, 90];
/** A finished analysis is minutes of work: worth waiting for Postgres this long before it is thrown away. */
const FINISH_PATIENCE_SECONDS = 120;

class Cancelled extends Error {}
class LeaseLost extends Error {}

export interface JobWorkerDeps {
  readonly ctx: DataContext<'ai'>;
  readonly bus: Bus;
  readonly ids: Ids;
  readonly engines: Engines;
  readonly settings: AnalysisSettings;
  readonly source: Omit<RecordingSource, 'bus'>;
  readonly concurrency: number;
  /** Waits between tries that failed. */
  readonly retrySeconds?: readonly number[];
  /** Told how each job ended and how long it took. */
  readonly onFinished: (outcome: string, seconds: number, audioSeconds: number) => void;
}

type Item = WorkItem<'ai', Job>;

const isTransient = (error: unknown): boolean =>
  isTransientDatabaseError(error) || isTransientBusError(error);

/**
 * Whatever the analysis throws says something about the job and counts as a failure. Also that something cannot be
 * reached: a provider, a program or a file that is missing is waited for a few times, not without end like Postgres.
 */
const countAsFailure = (error: unknown): never => {
  if (error instanceof AnalysisFailure || error instanceof PassingFailure) throw error;
  throw new PassingFailure('ANALYSIS_FAILED', 'The recording could not be analysed', error);
};

const retryTransient = async <Result>(seconds: number, work: () => Promise<Result>): Promise<Result> => {
  const deadlineMs = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || performance.now() > deadlineMs) throw error;
      await pause(1000);
    }
  }
};

/**
 * Analyses what partners send. Which worker has a job is said by a lease in Postgres, renewed while it works: a message
 * that comes again while the lease lives waits, one whose worker died is taken over.
 */
export const startJobWorker = (deps: JobWorkerDeps): Consumer => {
  const { ctx, bus, engines, settings, concurrency, retrySeconds = RETRY_SECONDS, onFinished } = deps;
  const workerId = deps.ids.next();
  const source: RecordingSource = { bus, ...deps.source };
  /** Jobs in the hands of this process, whatever Postgres could be told of them. */
  const active = new Set<string>();
  /** The one suspect in hand: were there two, a bad one would take a good one with it to the end. */
  let suspect: string | null = null;

  const lease = (jobId: string) => ({
    jobId,
    workerId,
    leaseSeconds: LEASE_SECONDS,
    now: ctx.clock.now(),
  });

  const startHeartbeat = (item: Item, abort: AbortController) => {
    const timer = setInterval(async () => {
      try {
        const state = await renewLease(ctx.db, lease(item.data.job_id));
        if (state === 'cancelled') abort.abort(new Cancelled());
        if (state === 'lost') abort.abort(new LeaseLost());
      } catch (error) {
        // The lease may end meanwhile; finishing checks who has it.
        item.log.warn({ err: error }, 'the lease could not be renewed');
      }
    }, HEARTBEAT_SECONDS * 1000);
    return () => clearInterval(timer);
  };

  const reportProgress = (item: Item) => async (progress: number) => {
    try {
      await transact(ctx, async ({ emit }) => {
        emit(aiEvents.analysisProgressed, { job_id: item.data.job_id, progress });
      });
    } catch (error) {
      item.log.warn({ err: error, progress }, 'progress could not be reported');
    }
  };

  const finish = async (
    item: Item,
    ending: Omit<Parameters<typeof finishAnalysis>[1], 'jobId' | 'workerId' | 'now'>,
    emitEnd: (emit: Emit) => void,
  ): Promise<void> => {
    const jobId = item.data.job_id;
    await retryTransient(FINISH_PATIENCE_SECONDS, () =>
      item.finish(async ({ trx, emit }) => {
        const isOurs = await finishAnalysis(trx, { ...ending, jobId, workerId, now: ctx.clock.now() });
        // Another worker took it over: its ending counts, and the message is its own to finish.
        if (!isOurs) throw new LeaseLost();
        emitEnd(emit);
      }),
    );
  };

  const complete = (item: Item, { durationSeconds, results }: Analysis) =>
    finish(item, { status: 'completed', durationSeconds }, (emit) => {
      emit(aiEvents.analysisCompleted, {
        job_id: item.data.job_id,
        duration_seconds: durationSeconds,
        results,
      });
    });

  const fail = (item: Item, failure: AnalysisFailure) =>
    finish(item, { status: 'failed', errorCode: failure.code }, (emit) => {
      emit(aiEvents.analysisFailed, {
        job_id: item.data.job_id,
        error_message: failure.message,
        error_details: { code: failure.code, ...failure.details },
      });
    });

  /** Decides what an error means for the job. Gives the outcome, or throws to have the message come again. */
  const settle = async (item: Item, error: unknown, abort: AbortController): Promise<string> => {
    const jobId = item.data.job_id;
    if (item.signal.aborted) {
      await releaseAnalysis(ctx.db, jobId, workerId);
      throw item.giveBack(0);
    }
    const reason: unknown = abort.signal.aborted ? abort.signal.reason : error;
    if (reason instanceof LeaseLost) throw item.giveBack(LEASE_SECONDS);
    if (reason instanceof Cancelled) {
      await finish(item, { status: 'cancelled' }, () => {});
      return 'cancelled';
    }
    if (error instanceof AnalysisFailure) {
      await fail(item, error);
      return 'failed';
    }
    // A failure of the analysis counts, whatever caused it.
    if (!(error instanceof PassingFailure) && isTransient(error)) {
      await releaseAnalysis(ctx.db, jobId, workerId);
      throw item.giveBack(2);
    }
    const failures = await recordFailure(ctx.db, jobId, workerId);
    if (failures === undefined) throw item.giveBack(LEASE_SECONDS);
    item.log.warn({ err: error, failures }, 'the analysis failed');
    const waitSeconds = retrySeconds[failures - 1];
    if (waitSeconds !== undefined) {
      await releaseAnalysis(ctx.db, jobId, workerId);
      throw item.giveBack(waitSeconds);
    }
    const passing = error instanceof PassingFailure ? error : undefined;
    const message = passing?.message ?? 'The recording could not be analysed';
    await fail(item, new AnalysisFailure(passing?.code ?? 'ANALYSIS_FAILED', message, { tries: failures }));
    return 'failed';
  };

  const work = async (item: Item): Promise<{ outcome: string; audioSeconds: number }> => {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, item.signal]);
    const endHeartbeat = startHeartbeat(item, abort);
    try {
      const recording = await fetchRecording(source, item.data.job_id, signal);
      if (recording === null) {
        await finish(item, { status: 'cancelled' }, () => {});
        return { outcome: 'cancelled', audioSeconds: 0 };
      }
      const analysis = await analyseRecording(
        recording,
        item.data,
        engines,
        settings,
        signal,
        reportProgress(item),
      ).catch(countAsFailure);
      await complete(item, analysis);
      return { outcome: 'completed', audioSeconds: analysis.durationSeconds };
    } catch (error) {
      return { outcome: await settle(item, error, abort), audioSeconds: 0 };
    } finally {
      endHeartbeat();
    }
  };

  const handle = async (item: Item): Promise<void> => {
    const { job_id } = item.data;
    const claim = await transact(ctx, async ({ trx, emit }) => {
      const taken = await claimAnalysis(trx, { ...lease(job_id), deadWorkersMax: DEAD_WORKERS_MAX });
      if (taken.kind === 'taken') emit(aiEvents.analysisStarted, { job_id, attempt: taken.attempt });
      return taken;
    });
    switch (claim.kind) {
      case 'busy':
        throw item.giveBack(claim.retrySeconds + 0.5);
      case 'over':
        await item.finish(async () => {});
        return;
      case 'workers_lost': {
        const message = `${claim.deadWorkers} workers ended while they analysed this recording`;
        await fail(item, new AnalysisFailure('WORKER_LOST', message, { dead_workers: claim.deadWorkers }));
        onFinished('failed', 0, 0);
        return;
      }
      case 'taken': {
        if (claim.deadWorkers === DEAD_WORKERS_MAX - 1) {
          if (suspect !== null) {
            await releaseAnalysis(ctx.db, job_id, workerId);
            throw item.giveBack(SUSPECT_SECONDS);
          }
          suspect = job_id;
        }
        const startedMs = performance.now();
        const { outcome, audioSeconds } = await work(item);
        const seconds = (performance.now() - startedMs) / 1000;
        item.log.info({ jobId: job_id, outcome, seconds, audioSeconds }, 'analysis ended');
        onFinished(outcome, seconds, audioSeconds);
      }
    }
  };

  return startWorker(ctx, {
    bus,
    durable: DURABLE,
    event: partnerEvents.jobQueued,
    concurrency,
    ackWaitSeconds: ACK_WAIT_SECONDS,
    async handler(item) {
      // Its lease ran out while Postgres was away, but it is still worked on here.
      if (active.has(item.data.job_id)) throw item.giveBack(LEASE_SECONDS);
      active.add(item.data.job_id);
      try {
        await handle(item);
      } finally {
        active.delete(item.data.job_id);
        if (suspect === item.data.job_id) suspect = null;
      }
    },
  });
};
