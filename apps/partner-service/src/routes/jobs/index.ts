import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postCancel } from './cancel-job.ts';
import { getJobStatus } from './get-job-status.ts';
import { getJobs } from './list-jobs.ts';

export const jobRoutes = (app: FastifyInstance, deps: Deps): void => {
  getJobStatus(app, deps);
  getJobs(app, deps);
  postCancel(app, deps);
};
