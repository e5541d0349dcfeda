import type { AnalysisResults, Environment, JobStatus } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Visibility } from '../access/company-access.ts';
import { recordingColumns } from '../audio/audio-repository.ts';
import type { Recording } from '../audio/read-audio.ts';
import { visibleTo } from '../calls/call-repository.ts';
import type { Executor } from '../database.ts';
import type { JobType } from './callback.ts';

/**
 * TERMINOLOGY — *job*: one request for work, followed by polling. *Open*: queued or processing. *Over*: completed,
 * failed or cancelled; a job that is over never changes again.
 */
export interface JobInput {
  readonly call_type: string;
  readonly analysis_type: 'full' | 'tone_only';
  readonly metadata: Record<string, unknown> | null;
  readonly simulate: 'failure' | 'slow' | 'empty' | null;
}

export interface ErrorDetails {
  readonly code: string;
  readonly [key: string]: unknown;
}

/** How a job stands, as its partner sees it. */
export interface JobState {
  readonly id: string;
  readonly jobType: JobType;
  readonly status: JobStatus;
  readonly progress: number;
  readonly callId: string | null;
  readonly errorMessage: string | null;
  readonly errorDetails: ErrorDetails | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly completedAt: Date | null;
}

/** What finishing a job needs to know of it. */
export interface OpenJob {
  readonly id: string;
  readonly jobType: JobType;
  readonly partnerId: string;
  readonly keyId: string;
  readonly environment: Environment;
  readonly companyId: string;
  readonly agentId: string;
  readonly input: JobInput;
  readonly webhookUrl: string | null;
  readonly webhookSecretVersion: number;
}

const STATE_COLUMNS = sql`
  j.id, j.job_type AS "jobType", j.status, j.progress, j.call_id AS "callId", j.error_message AS "errorMessage",
  j.error_details AS "errorDetails", j.created_at AS "createdAt", j.updated_at AS "updatedAt",
  j.completed_at AS "completedAt"`;

const IS_OPEN = sql`status IN ('queued', 'processing')`;

export interface NewJob {
  readonly id: string;
  readonly partnerId: string;
  readonly keyId: string;
  readonly environment: Environment;
  readonly companyId: string;
  readonly agentId: string;
  readonly input: JobInput;
  readonly webhookUrl: string | null;
  readonly idempotencyKey: string | null;
  readonly traceparent: string;
  readonly at: Date;
}

/** Keeps a job and its recording. False when another job has the idempotency key. */
const insertUnlessKeyTaken = async (
  executor: Executor,
  job: NewJob,
  recording: Recording,
): Promise<boolean> => {
  const audio = recordingColumns(recording);
  // One statement: a round trip of every request less.
  const inserted = await sql`
    WITH job AS (
      INSERT INTO partner.async_jobs (id, job_type, partner_id, partner_api_key_id, environment, company_id, agent_id,
        input_data, webhook_url, idempotency_key, traceparent, created_at, updated_at)
      VALUES (${job.id}, 'call_analysis', ${job.partnerId}, ${job.keyId}, ${job.environment}, ${job.companyId},
        ${job.agentId}, ${JSON.stringify(job.input)}, ${job.webhookUrl}, ${job.idempotencyKey}, ${job.traceparent},
        ${job.at}, ${job.at})
      ON CONFLICT (partner_id, environment, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
      RETURNING id, environment, created_at
    )
    INSERT INTO partner.job_audio
      (job_id, environment, content, content_bytes, content_sha256, content_kind, url, created_at)
    SELECT id, environment, ${audio.content}::bytea, ${audio.bytes}::integer, ${audio.sha256}::text,
      ${audio.kind}::text, ${audio.url}::text, created_at
    FROM job
  `.execute(executor);
  return inserted.numAffectedRows === 1n;
};

/** Keeps a new job with its recording. */
export const insertJob = async (executor: Executor, job: NewJob, recording: Recording): Promise<void> => {
  if (await insertUnlessKeyTaken(executor, job, recording)) return;
  // Whoever comes here was not answered from the record of the key's first use: that is forgotten by now.
  await sql`
    UPDATE partner.async_jobs SET idempotency_key = NULL
    WHERE partner_id = ${job.partnerId} AND environment = ${job.environment}
      AND idempotency_key = ${job.idempotencyKey}
  `.execute(executor);
  if (!(await insertUnlessKeyTaken(executor, job, recording))) {
    throw new Error(`job ${job.id} cannot be kept: its idempotency key is held`);
  }
};

export interface JobWithResults extends JobState {
  readonly results: AnalysisResults | null;
}

export const findJob = async (
  executor: Executor,
  visibility: Visibility,
  jobId: string,
): Promise<JobWithResults | null> => {
  const found = await sql<JobWithResults>`
    SELECT ${STATE_COLUMNS}, (SELECT c.results FROM partner.calls c WHERE c.id = j.call_id) AS results
    FROM partner.async_jobs j WHERE j.id = ${jobId} AND ${visibleTo(visibility)}
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** Jobs newest first, one more than `limit` when there are more. */
export const listJobs = async (
  executor: Executor,
  visibility: Visibility,
  filter: { readonly status: JobStatus | null },
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly JobState[]> => {
  const { after } = page;
  const found = await sql<JobState>`
    SELECT ${STATE_COLUMNS}
    FROM partner.async_jobs j
    WHERE ${visibleTo(visibility)}
      AND ${filter.status ? sql`status = ${filter.status}` : sql`true`}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${page.limit + 1}
  `.execute(executor);
  return found.rows;
};

/** Takes an open job for finishing; null when it is over or unknown. Others wait until the transaction ends. */
export const lockOpenJob = async (executor: Executor, jobId: string): Promise<OpenJob | null> => {
  const found = await sql<OpenJob>`
    SELECT j.id, j.job_type AS "jobType", j.partner_id AS "partnerId", j.partner_api_key_id AS "keyId", j.environment,
      j.company_id AS "companyId", j.agent_id AS "agentId", j.input_data AS input, j.webhook_url AS "webhookUrl",
      k.webhook_secret_version AS "webhookSecretVersion"
    FROM partner.async_jobs j JOIN partner.partner_api_keys k ON k.id = j.partner_api_key_id
    WHERE j.id = ${jobId} AND j.status IN ('queued', 'processing')
    FOR UPDATE OF j
  `.execute(executor);
  return found.rows[0] ?? null;
};

/** Moves an open job's progress forward; late and repeated news change nothing. */
export const advanceJob = async (
  executor: Executor,
  jobId: string,
  progress: number,
  at: Date,
): Promise<void> => {
  await sql`
    UPDATE partner.async_jobs
    SET status = 'processing', progress = greatest(progress, ${progress}), updated_at = ${at},
      started_at = coalesce(started_at, ${at})
    WHERE id = ${jobId} AND ${IS_OPEN}
  `.execute(executor);
};

export const markCompleted = async (
  executor: Executor,
  jobId: string,
  done: { readonly callId: string; readonly outputData: Record<string, unknown>; readonly at: Date },
): Promise<void> => {
  await sql`
    UPDATE partner.async_jobs
    SET status = 'completed', progress = 100, call_id = ${done.callId}, output_data = ${JSON.stringify(done.outputData)},
      updated_at = ${done.at}, completed_at = ${done.at}, started_at = coalesce(started_at, ${done.at})
    WHERE id = ${jobId}
  `.execute(executor);
};

export const markFailed = async (
  executor: Executor,
  jobId: string,
  failure: { readonly errorMessage: string; readonly errorDetails: ErrorDetails; readonly at: Date },
): Promise<void> => {
  await sql`
    UPDATE partner.async_jobs
    SET status = 'failed', error_message = ${failure.errorMessage},
      error_details = ${JSON.stringify(failure.errorDetails)}, updated_at = ${failure.at}, completed_at = ${failure.at}
    WHERE id = ${jobId}
  `.execute(executor);
};

export const markCancelled = async (executor: Executor, jobId: string, at: Date): Promise<void> => {
  await sql`
    UPDATE partner.async_jobs SET status = 'cancelled', updated_at = ${at}, completed_at = ${at} WHERE id = ${jobId}
  `.execute(executor);
};

export interface QuietJob extends Pick<OpenJob, 'id' | 'jobType' | 'environment' | 'input'> {
  readonly traceparent: string | null;
}

/** Open jobs of which nothing was heard since `quietSince`, longest first; those that others hold are left out. */
export const lockQuietJobs = async (
  executor: Executor,
  quietSince: Date,
  limit: number,
): Promise<readonly QuietJob[]> => {
  const found = await sql<QuietJob>`
    SELECT id, job_type AS "jobType", environment, input_data AS input, traceparent
    FROM partner.async_jobs
    WHERE ${IS_OPEN} AND updated_at < ${quietSince} AND (requeued_at IS NULL OR requeued_at < ${quietSince})
    ORDER BY updated_at
    LIMIT ${limit}
    FOR UPDATE SKIP LOCKED
  `.execute(executor);
  return found.rows;
};

/**
 * Open jobs made before `madeBefore`, whatever was heard of them, oldest first; those that others hold are left out.
 * Reads all open jobs, and no others.
 */
export const lockOverdueJobs = async (
  executor: Executor,
  madeBefore: Date,
  limit: number,
): Promise<readonly string[]> => {
  const found = await sql<{ id: string }>`
    SELECT id FROM partner.async_jobs
    WHERE ${IS_OPEN} AND created_at < ${madeBefore}
    ORDER BY created_at
    LIMIT ${limit}
    FOR UPDATE SKIP LOCKED
  `.execute(executor);
  return found.rows.map((row) => row.id);
};

export const markRequeued = async (executor: Executor, jobId: string, at: Date): Promise<void> => {
  await sql`UPDATE partner.async_jobs SET requeued_at = ${at} WHERE id = ${jobId}`.execute(executor);
};
