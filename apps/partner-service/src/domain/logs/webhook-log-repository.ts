import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface WebhookAttempt {
  readonly jobId: string;
  readonly deliveryId: string;
  readonly webhookUrl: string;
  readonly attemptNumber: number;
  readonly httpStatus: number | null;
  readonly success: boolean;
  readonly errorMessage: string | null;
  readonly durationMs: number;
  /** Null: nobody tries again by itself. */
  readonly nextAttemptAt: string | null;
  readonly at: string;
}

/** One row per attempt of a job's callback; an attempt that is known already, or of no job, changes nothing. */
export const insertWebhookAttempt = async (executor: Executor, attempt: WebhookAttempt): Promise<void> => {
  await sql`
    INSERT INTO partner.webhook_logs (async_job_id, partner_api_key_id, environment, delivery_id, webhook_url,
      attempt_number, http_status, success, error_message, duration_ms, next_attempt_at, created_at)
    SELECT id, partner_api_key_id, environment, ${attempt.deliveryId}, ${attempt.webhookUrl}, ${attempt.attemptNumber}, ${attempt.httpStatus},
      ${attempt.success}, ${attempt.errorMessage}, ${attempt.durationMs},
      ${attempt.nextAttemptAt}, ${attempt.at}
    FROM partner.async_jobs WHERE id = ${attempt.jobId}
    ON CONFLICT (async_job_id, delivery_id, attempt_number) DO NOTHING
  `.execute(executor);
};
