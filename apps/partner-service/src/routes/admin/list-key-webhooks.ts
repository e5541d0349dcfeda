import { partnerAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listWebhookAttempts } from '../../domain/administration/list-webhook-attempts.ts';
import { requireKey } from '../../domain/keys/require-key.ts';

export const getKeyWebhooks = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.listKeyWebhooks, async ({ params, query }) => {
    const { success = null, job_id: jobId = null, limit } = query;
    const after = decodeCursor(query.cursor);
    const key = await requireKey(data.db, params.key_id);
    const rows = await listWebhookAttempts(data.db, { keyId: key.id, success, jobId }, { limit, after });
    const page = toPage(rows, limit, (one) => one);
    return {
      status: 200,
      body: {
        webhooks: page.rows.map((one) => ({
          id: one.id,
          delivery_id: one.deliveryId,
          job_id: one.jobId,
          webhook_url: one.webhookUrl,
          attempt_number: one.attemptNumber,
          http_status: one.httpStatus,
          success: one.success,
          error_message: one.errorMessage,
          duration_ms: one.durationMs,
          next_attempt_at: one.nextAttemptAt?.toISOString() ?? null,
          created_at: one.createdAt.toISOString(),
        })),
        next_cursor: page.nextCursor,
      },
    };
  });
