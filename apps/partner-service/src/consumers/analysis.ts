import type { Bus, Consumer } from '@switchboard/bus';
import { aiEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import type { Data } from '../domain/database.ts';
import { completeJob, failJob } from '../domain/jobs/finish-job.ts';
import { advanceJob } from '../domain/jobs/job-repository.ts';

const STARTED_PROGRESS = 10;

/** What ai-service says about jobs. The order in which it arrives does not matter, nor how often. */
export const consumeAnalysis = (data: Data, bus: Bus): Consumer =>
  startConsumer<'partner'>(data, {
    bus,
    durable: 'partner-analysis',
    on: [
      onEvent(aiEvents.analysisStarted, ({ trx, data: started }) =>
        advanceJob(trx, started.job_id, STARTED_PROGRESS, data.clock.now()),
      ),
      onEvent(aiEvents.analysisProgressed, ({ trx, data: news }) =>
        advanceJob(trx, news.job_id, news.progress, data.clock.now()),
      ),
      onEvent(aiEvents.analysisCompleted, async ({ trx, emit, data: done, log }) => {
        const ended = await completeJob(data, { trx, emit }, done);
        log.info({ jobId: done.job_id, ended }, ended ? 'job completed' : 'results of a job that is over');
      }),
      onEvent(aiEvents.analysisFailed, async ({ trx, emit, data: failure, log }) => {
        const { job_id: jobId, error_message: errorMessage, error_details: errorDetails } = failure;
        const ended = await failJob(data, { trx, emit }, { jobId, errorMessage, errorDetails });
        log.info(
          { jobId, ended, code: errorDetails.code },
          ended ? 'job failed' : 'failure of a job that is over',
        );
      }),
    ],
  });
