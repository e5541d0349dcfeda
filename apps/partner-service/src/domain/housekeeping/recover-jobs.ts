import { partnerEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { Data } from '../database.ts';
import { failJob } from '../jobs/finish-job.ts';
import { lockQuietJobs, markRequeued } from '../jobs/job-repository.ts';

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

/**
 * Sees to it that no job is stuck. Outbox, durable consumers and leases bring almost every job to its end; what is left
 * are messages that were set aside as dead, or a stream that lost them for good. A job that nobody was heard of for
 * `requeueSeconds` is announced again (a worker that has it drops the repeat), and one that is not over after
 * `giveUpSeconds` fails with the code STALLED, so that its partner is told.
 */
export const recoverJobs = async (data: Data, times: RecoveryTimes): Promise<Recovered> => {
  const total = { requeued: 0, failed: 0 };
  for (;;) {
    const jobs = await transact(data, async ({ trx, emit }) => {
      const now = data.clock.now();
      const found = await lockQuietJobs(trx, secondsBefore(now, times.requeueSeconds), JOBS_PER_TRANSACTION);
      const outcome = { requeued: 0, failed: 0, found: found.length };
      for (const job of found) {
        if (job.createdAt < secondsBefore(now, times.giveUpSeconds)) {
          await failJob(
            data,
            { trx, emit },
            {
              jobId: job.id,
              errorMessage: 'The analysis did not come to an end in time',
              errorDetails: { code: 'STALLED' },
            },
          );
          outcome.failed += 1;
          continue;
        }
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
        outcome.requeued += 1;
      }
      return outcome;
    });
    total.requeued += jobs.requeued;
    total.failed += jobs.failed;
    if (jobs.found < JOBS_PER_TRANSACTION) return total;
  }
};
