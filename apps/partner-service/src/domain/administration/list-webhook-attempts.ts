import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

export interface LoggedAttempt {
  readonly id: string;
  readonly deliveryId: string;
  readonly jobId: string;
  readonly webhookUrl: string;
  readonly attemptNumber: number;
  readonly httpStatus: number | null;
  readonly success: boolean;
  readonly errorMessage: string | null;
  readonly durationMs: number;
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
}

export interface AttemptFilter {
  readonly keyId: string;
  readonly success: boolean | null;
  readonly jobId: string | null;
}

/** The attempts of a key's callbacks newest first, one more than `limit` when there are more. */
export const listWebhookAttempts = async (
  executor: Executor,
  { keyId, success, jobId }: AttemptFilter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly LoggedAttempt[]> => {
  const { after } = page;
  const found = await sql<LoggedAttempt>`
    SELECT id, delivery_id AS "deliveryId", async_job_id AS "jobId", webhook_url AS "webhookUrl",
      attempt_number AS "attemptNumber", http_status AS "httpStatus", success, error_message AS "errorMessage",
      duration_ms AS "durationMs", next_attempt_at AS "nextAttemptAt", created_at AS "createdAt"
    FROM partner.webhook_logs
    WHERE partner_api_key_id = ${keyId}
      AND ${success === null ? sql`true` : sql`success = ${success}`}
      AND ${jobId === null ? sql`true` : sql`async_job_id = ${jobId}`}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${page.limit + 1}`.execute(executor);
  return found.rows;
};
