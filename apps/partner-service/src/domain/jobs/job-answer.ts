import { errorDetailsSchema, type jobAnswer } from '@switchboard/contracts';
import type { z } from 'zod';
import type { JobState, JobWithResults } from './job-repository.ts';

type JobAnswer = z.input<typeof jobAnswer>;

/** A job as its partner sees it, without results. */
export const toJobAnswer = (job: JobState): JobAnswer => ({
  job_id: job.id,
  job_type: job.jobType,
  status: job.status,
  progress: job.progress,
  created_at: job.createdAt.toISOString(),
  updated_at: job.updatedAt.toISOString(),
  completed_at: job.completedAt?.toISOString() ?? null,
  ...(job.callId === null ? {} : { call_id: job.callId }),
  ...(job.errorMessage === null ? {} : { error_message: job.errorMessage }),
  ...(job.errorDetails === null ? {} : { error_details: errorDetailsSchema.parse(job.errorDetails) }),
});

/** The same with the results of a completed job. */
export const toJobAnswerWithResults = (job: JobWithResults): JobAnswer => ({
  ...toJobAnswer(job),
  ...(job.results === null ? {} : { results: job.results }),
});
