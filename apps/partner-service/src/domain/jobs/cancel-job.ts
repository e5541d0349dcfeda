import { AppError } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { Visibility } from '../access/company-access.ts';
import type { Data } from '../database.ts';
import { cancelOpenJob } from './finish-job.ts';
import { findJob, type JobState } from './job-repository.ts';

/**
 * Cancels a job that is not over; whatever its worker still brings is not looked at.
 *
 * @throws JOB_NOT_FOUND, JOB_ALREADY_FINISHED
 */
export const cancelJob = (data: Data, visibility: Visibility, jobId: string): Promise<JobState> =>
  transact(data, async ({ trx, emit }) => {
    const before = await findJob(trx, visibility, jobId);
    if (!before) throw new AppError('JOB_NOT_FOUND');
    const cancelled = await cancelOpenJob(data, { trx, emit }, before.id);
    const after = await findJob(trx, visibility, jobId);
    if (!after) throw new AppError('JOB_NOT_FOUND');
    if (!cancelled) {
      throw new AppError('JOB_ALREADY_FINISHED', {
        message: `The job is already over: it is ${after.status}`,
        details: { status: after.status },
      });
    }
    return after;
  });
