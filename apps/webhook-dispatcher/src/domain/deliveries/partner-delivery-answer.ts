import type { AnswerOf, webhookRoutes } from '@switchboard/contracts';
import type { AttemptRecord } from './read-attempts.ts';
import type { DeliveryRecord } from './read-deliveries.ts';

type Answer = Extract<
  AnswerOf<(typeof webhookRoutes)['listPartnerDeliveries']>,
  { status: 200 }
>['body']['deliveries'][number];

/** Nothing holds or cancels a callback: these are states of deliveries to endpoints. */
const statusOf = ({ id, status }: DeliveryRecord): Answer['status'] => {
  if (status === 'held' || status === 'cancelled') throw new TypeError(`callback ${id} is ${status}`);
  return status;
};

/** A callback as the partner sees it that it is for. */
export const partnerDeliveryAnswer = (delivery: DeliveryRecord, last: AttemptRecord | undefined): Answer => ({
  id: delivery.id,
  job_id: delivery.messageId,
  webhook_url: delivery.url,
  status: statusOf(delivery),
  attempt_count: delivery.attemptCount,
  next_attempt_at: delivery.dueAt?.toISOString() ?? null,
  last_attempt: last
    ? {
        attempt_number: last.attemptNumber,
        http_status: last.httpStatus,
        error_message: last.error,
        duration_ms: last.durationMs,
        attempted_at: last.attemptedAt.toISOString(),
      }
    : null,
  created_at: delivery.createdAt.toISOString(),
  finished_at: delivery.finishedAt?.toISOString() ?? null,
});
