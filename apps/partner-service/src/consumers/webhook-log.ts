import type { Bus, Consumer } from '@switchboard/bus';
import { type DataOf, webhookEvents } from '@switchboard/contracts';
import { onEvent, startConsumer } from '@switchboard/db';
import { isUuid } from '@switchboard/service-kit';
import type { Data, Executor } from '../domain/database.ts';
import { insertWebhookAttempt } from '../domain/logs/webhook-log-repository.ts';

type Attempt = DataOf<typeof webhookEvents.deliverySucceeded>;

const record = async (
  executor: Executor,
  attempt: Attempt,
  { success, nextAttemptAt = null }: { success: boolean; nextAttemptAt?: string | null },
): Promise<void> => {
  // Callbacks of jobs carry the job's id as their message id; messages of other kinds are not ours to log.
  if (attempt.profile !== 'partner' || !isUuid(attempt.message_id)) return;
  await insertWebhookAttempt(executor, {
    jobId: attempt.message_id,
    deliveryId: attempt.delivery_id,
    webhookUrl: attempt.url,
    attemptNumber: attempt.attempt_number,
    httpStatus: attempt.http_status,
    success,
    errorMessage: attempt.error_message,
    durationMs: attempt.duration_ms,
    nextAttemptAt,
    at: attempt.attempted_at,
  });
};

/** Keeps `webhook_logs`, where operators look (partner guide, "Webhook Logs"). */
export const consumeWebhookLog = (data: Data, bus: Bus): Consumer =>
  startConsumer<'partner'>(data, {
    bus,
    durable: 'partner-webhook-log',
    on: [
      onEvent(webhookEvents.deliverySucceeded, (incoming) =>
        record(incoming.trx, incoming.data, { success: true }),
      ),
      onEvent(webhookEvents.deliveryFailed, (incoming) =>
        record(incoming.trx, incoming.data, {
          success: false,
          nextAttemptAt: incoming.data.next_attempt_at,
        }),
      ),
      onEvent(webhookEvents.deliveryExhausted, (incoming) =>
        record(incoming.trx, incoming.data, { success: false }),
      ),
    ],
  });
