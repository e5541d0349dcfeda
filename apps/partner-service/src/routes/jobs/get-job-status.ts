import { AppError, partnerRoutes } from '@switchboard/contracts';
import { implement, isUuid } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { visibilityOf } from '../../domain/access/company-access.ts';
import { toJobAnswerWithResults } from '../../domain/jobs/job-answer.ts';
import { findJob } from '../../domain/jobs/job-repository.ts';

export const getJobStatus = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.getJobStatus, async ({ principal, params }) => {
    const { job_id: jobId } = params;
    const job = isUuid(jobId) ? await findJob(data.db, visibilityOf(principal), jobId) : null;
    if (!job) throw new AppError('JOB_NOT_FOUND');
    return { status: 200, headers: { 'cache-control': 'private' }, body: toJobAnswerWithResults(job) };
  });
