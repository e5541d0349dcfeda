import { AppError, partnerRoutes } from '@switchboard/contracts';
import { implement, isUuid } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { visibilityOf } from '../../domain/access/company-access.ts';
import { cancelJob } from '../../domain/jobs/cancel-job.ts';
import { toJobAnswer } from '../../domain/jobs/job-answer.ts';

export const postCancel = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.cancelJob, async ({ principal, params }) => {
    if (!isUuid(params.job_id)) throw new AppError('JOB_NOT_FOUND');
    const job = await cancelJob(data, visibilityOf(principal), params.job_id);
    return { status: 200, headers: { 'cache-control': 'private' }, body: toJobAnswer(job) };
  });
