import { type aiEvents, partnerEvents, webhookEvents } from '@switchboard/contracts';
import type { z } from 'zod';
import { deleteRecording } from '../audio/audio-repository.ts';
import { insertCall } from '../calls/call-repository.ts';
import type { Data, Emit, Executor } from '../database.ts';
import { type Outcome, writeCallback } from './callback.ts';
import {
  type ErrorDetails,
  lockOpenJob,
  markCancelled,
  markCompleted,
  markFailed,
  type OpenJob,
} from './job-repository.ts';

/** A transaction that is under way, with what it emits. */
export interface Work {
  readonly trx: Executor;
  readonly emit: Emit;
}

const callIdOf = (outcome: Outcome): string | null =>
  outcome.status === 'completed' ? outcome.callId : null;

/** The recording goes, whoever waits is told, and the partner is called back if it asked for that. */
const announceEnd = async (work: Work, job: OpenJob, outcome: Outcome, at: Date): Promise<void> => {
  await deleteRecording(work.trx, job.id);
  work.emit(partnerEvents.jobFinished, {
    job_id: job.id,
    job_type: job.jobType,
    environment: job.environment,
    company_id: job.companyId,
    agent_id: job.agentId,
    call_id: callIdOf(outcome),
    status: outcome.status,
  });
  if (job.webhookUrl === null) return;
  work.emit(webhookEvents.deliveryRequested, {
    profile: 'partner',
    message_id: job.id,
    event_type: partnerEvents.jobFinished.name,
    url: job.webhookUrl,
    environment: job.environment,
    secret: { kind: 'partner', key_id: job.keyId, version: job.webhookSecretVersion },
    body: writeCallback(job, outcome, at),
  });
};

/**
 * Ends a job with its results: the call is kept, in the same transaction as everything that follows from it. A job that
 * is over stays as it is, so a result that comes twice or after a cancellation changes nothing.
 */
export const completeJob = async (
  data: Pick<Data, 'ids' | 'clock'>,
  work: Work,
  done: z.output<typeof aiEvents.analysisCompleted.data>,
): Promise<boolean> => {
  const job = await lockOpenJob(work.trx, done.job_id);
  if (!job) return false;
  const at = data.clock.now();
  const callId = data.ids.next();
  const { results, duration_seconds: durationSeconds } = done;
  await insertCall(work.trx, {
    id: callId,
    jobId: job.id,
    partnerId: job.partnerId,
    environment: job.environment,
    companyId: job.companyId,
    agentId: job.agentId,
    callType: job.input.call_type,
    analysisType: job.input.analysis_type,
    durationSeconds,
    overallScore: results.overall_score,
    metadata: job.input.metadata,
    results,
    at,
  });
  const outputData = {
    call_id: callId,
    overall_score: results.overall_score,
    duration_seconds: durationSeconds,
  };
  await markCompleted(work.trx, job.id, { callId, outputData, at });
  await announceEnd(work, job, { status: 'completed', callId, results }, at);
  return true;
};

/** Ends a job as failed, unless it is over. */
export const failJob = async (
  data: Pick<Data, 'clock'>,
  work: Work,
  failure: {
    readonly jobId: string;
    readonly errorMessage: string;
    readonly errorDetails: z.output<typeof aiEvents.analysisFailed.data>['error_details'];
  },
): Promise<boolean> => {
  const job = await lockOpenJob(work.trx, failure.jobId);
  if (!job) return false;
  const at = data.clock.now();
  const { errorMessage } = failure;
  const errorDetails: ErrorDetails = failure.errorDetails;
  await markFailed(work.trx, job.id, { errorMessage, errorDetails, at });
  await announceEnd(work, job, { status: 'failed', errorMessage, errorDetails: failure.errorDetails }, at);
  return true;
};

/** Ends a job at its partner's wish, unless it is over. Nobody is called back: whoever cancelled knows. */
export const cancelOpenJob = async (
  data: Pick<Data, 'clock'>,
  work: Work,
  jobId: string,
): Promise<boolean> => {
  const job = await lockOpenJob(work.trx, jobId);
  if (!job) return false;
  await markCancelled(work.trx, job.id, data.clock.now());
  await deleteRecording(work.trx, job.id);
  work.emit(partnerEvents.jobCancelled, { job_id: job.id });
  work.emit(partnerEvents.jobFinished, {
    job_id: job.id,
    job_type: job.jobType,
    environment: job.environment,
    company_id: job.companyId,
    agent_id: job.agentId,
    call_id: null,
    status: 'cancelled',
  });
  return true;
};
