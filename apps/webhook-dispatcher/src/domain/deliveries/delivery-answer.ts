import type { AnswerOf, DeliverySummary, webhookAdminRoutes } from '@switchboard/contracts';
import type { AttemptRecord } from './read-attempts.ts';
import type { DeliveryRecord } from './read-deliveries.ts';

type AttemptAnswer = Extract<
  AnswerOf<(typeof webhookAdminRoutes)['listAttempts']>,
  { status: 200 }
>['body']['attempts'][number];

/** A delivery as the administration API lists it. */
export const deliveryAnswer = (delivery: DeliveryRecord): DeliverySummary => ({
  id: delivery.id,
  message_id: delivery.messageId,
  event_type: delivery.eventType,
  owner: delivery.owner,
  environment: delivery.environment,
  profile: delivery.profile,
  endpoint_id: delivery.endpointId,
  sequence: delivery.sequence,
  url: delivery.url,
  status: delivery.status,
  attempt_count: delivery.attemptCount,
  next_attempt_at: delivery.dueAt?.toISOString() ?? null,
  replay_id: delivery.replayId,
  created_at: delivery.createdAt.toISOString(),
  finished_at: delivery.finishedAt?.toISOString() ?? null,
});

/** An attempt, with what was answered. */
export const attemptAnswer = (attempt: AttemptRecord): AttemptAnswer => ({
  attempt_number: attempt.attemptNumber,
  outcome: attempt.outcome,
  http_status: attempt.httpStatus,
  answer_headers: attempt.answerHeaders,
  answer_body: attempt.answerBody,
  duration_ms: attempt.durationMs,
  error: attempt.error,
  replay_id: attempt.replayId,
  attempted_at: attempt.attemptedAt.toISOString(),
});
