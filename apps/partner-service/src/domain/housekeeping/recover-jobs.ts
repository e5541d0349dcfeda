import { partnerEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { Data } from '../database.ts';
import { failJob } from '../jobs/finish-job.ts';
import { lockOverdueJobs, lockQuietJobs, markRequeued } from '../jobs/job-repository.ts';

const JOBS_PER_TRANSACTION = 50;

export interface RecoveryTimes {
  readonly requeueSeconds: number;
  readonly giveUpSeconds: number;
}

export interface Recovered {
  readonly requeued: number;
  readonly failed: number;
}

const secondsBefore = (time: Date, seconds: number): Date => new Date(time.getTime() - seconds * 1000);

/** Calls a step until it finds less than it takes at a time. Gives how many it found in all. */
const untilNoMore = async (step: () => Promise<number>): Promise<number> => {
  for (let total = 0; ; ) {
    const found = await step();
    total += found;
    if (found < JOBS_PER_TRANSACTION) return total;
  }
};

const failOverdue = (data: Data, giveUpSeconds: number): Promise<number> =>
  transact(data, async ({ trx, emit }) => {
    const madeBefore = secondsBefore(data.clock.now(), giveUpSeconds);
    const jobIds = await lockOverdueJobs(trx, madeBefore, JOBS_PER_TRANSACTION);
    for (const jobId of jobIds) {
      const errorMessage = 'The analysis did not come to an end in time';
      await failJob(data, { trx, emit }, { jobId, errorMessage, errorDetails: { code: 'STALLED' } });
    }
    return jobIds.length;
  });

const requeueQuiet = (data: Data, requeueSeconds: number): Promise<number> =>
  transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    const jobs = await lockQuietJobs(trx, secondsBefore(now, requeueSeconds), JOBS_PER_TRANSACTION);
    for (const job of jobs) {
      await markRequeued(trx, job.id, now);
      emit(
        partnerEvents.jobQueued,
        {
          job_id: job.id,
          job_type: job.jobType,
          environment: job.environment,
          analysis_type: job.input.analysis_type,
          call_type: job.input.call_type,
          simulate: job.input.simulate,
        },
        job.traceparent === null ? {} : { traceparent: job.traceparent },
      );
    }
    return jobs.length;
  });

/**
 * Sees to it that no job is stuck. Outbox, durable consumers and leases bring almost every job to its end; what is left
 * are messages that were set aside as dead, or a stream that lost them for good. A job that nobody was heard of for
 * `requeueSeconds` is announced again (a worker that has it drops the repeat; one that ended it long ago does it anew),
 * and one that is not over after `giveUpSeconds`, however often it was tried, fails with the code STALLED, so that its
 * partner is told.
 */
export const recoverJobs = async (data: Data, times: RecoveryTimes): Promise<Recovered> => {
  const failed = await untilNoMore(() => failOverdue(data, times.giveUpSeconds));
  const requeued = await untilNoMore(() => requeueQuiet(data, times.requeueSeconds));
  return { requeued, failed };
};
