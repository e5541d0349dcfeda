import { z } from 'zod';
import { environmentSchema } from '../credentials/principal.ts';
import { defineEvent } from '../event.ts';

/**
 * TERMINOLOGY — *message*: one event for one owner. *Delivery*: one message to one address. *Attempt*: one HTTP
 * request of a delivery. *Profile*: which headers sign it and how often it is tried.
 */
const DELIVERY = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';

const attemptFields = {
  delivery_id: z.uuid(),
  /** `webhook-id` on the wire: the same over every attempt. */
  message_id: z.string(),
  profile: z.enum(['partner']),
  url: z.string(),
  attempt_number: z.number().int().min(1),
  http_status: z.number().int().nullable(),
  duration_ms: z.number().int().min(0),
  error_message: z.string().nullable(),
  attempted_at: z.iso.datetime(),
};
const attemptExample = {
  delivery_id: DELIVERY,
  message_id: JOB,
  profile: 'partner' as const,
  url: 'https://partner.com/webhook/callback',
  attempt_number: 1,
  http_status: 200,
  duration_ms: 41,
  error_message: null,
  attempted_at: '2024-12-15T10:30:00.120Z',
};

export const webhookEvents = {
  deliveryRequested: defineEvent({
    name: 'webhooks.delivery.requested',
    version: 1,
    producer: 'partner-service',
    summary: 'A service asks for one message to be delivered to one address. The same event is one delivery.',
    data: z.object({
      profile: z.enum(['partner']),
      message_id: z.string().min(1).max(200),
      event_type: z.string(),
      url: z.string(),
      environment: environmentSchema,
      /** Which secret signs it; the secret itself never travels. */
      secret: z.object({ kind: z.literal('partner'), key_id: z.uuid(), version: z.number().int().min(1) }),
      /** The exact text that is sent and signed. */
      body: z.string(),
    }),
    example: {
      profile: 'partner',
      message_id: JOB,
      event_type: 'partner.job.finished',
      url: 'https://partner.com/webhook/callback',
      environment: 'production',
      secret: { kind: 'partner', key_id: DELIVERY, version: 1 },
      body: '{"job_id":"0192f0c1-2b3c-7d4e-8f50-617283940a1b","status":"completed"}',
    },
  }),
  deliverySucceeded: defineEvent({
    name: 'webhooks.delivery.succeeded',
    version: 1,
    producer: 'webhook-dispatcher',
    summary: 'The receiver answered 2xx.',
    data: z.object(attemptFields),
    example: attemptExample,
  }),
  deliveryFailed: defineEvent({
    name: 'webhooks.delivery.failed',
    version: 1,
    producer: 'webhook-dispatcher',
    summary: 'An attempt failed; another one follows at `next_attempt_at`.',
    data: z.object({ ...attemptFields, next_attempt_at: z.iso.datetime() }),
    example: {
      ...attemptExample,
      http_status: 500,
      error_message: 'HTTP 500',
      next_attempt_at: '2024-12-15T10:31:00.000Z',
    },
  }),
  deliveryExhausted: defineEvent({
    name: 'webhooks.delivery.exhausted',
    version: 1,
    producer: 'webhook-dispatcher',
    summary: 'The last attempt failed: nobody tries again by itself.',
    data: z.object(attemptFields),
    example: { ...attemptExample, attempt_number: 3, http_status: null, error_message: 'connection refused' },
  }),
};
