import { z } from 'zod';
import { adminActExample, adminActSchema } from '../audit.ts';
import { environmentSchema } from '../credentials/principal.ts';
import { defineEvent } from '../event.ts';
import { isStorable } from '../fields.ts';
import {
  eventTypeSchema,
  profileSchema,
  publishedMessageIdSchema,
  webhookBody,
  webhookOwnerSchema,
} from './schemas.ts';

/**
 * TERMINOLOGY — *message*: one event for one owner. *Endpoint*: an address with a secret and a set of event types.
 * *Delivery*: one message to one address. *Attempt*: one HTTP request of a delivery. *Profile*: which headers sign it and
 * how often it is tried.
 */
const DELIVERY = '0192f0c1-2b3c-7d4e-8f50-617283940a1d';
const JOB = '0192f0c1-2b3c-7d4e-8f50-617283940a1b';
const KEY = '0192f0c1-2b3c-7d4e-8f50-617283940a1c';
const ENDPOINT = '0192f0c1-2b3c-7d4e-8f50-617283940a1f';
const TOKEN_OWNER = 'integration_token:0192f0c1-2b3c-7d4e-8f50-617283940a20';

const attemptFields = {
  delivery_id: z.uuid(),
  /** `webhook-id` on the wire: the same over every attempt. */
  message_id: z.string(),
  profile: profileSchema,
  // Optional: a dispatcher of before endpoints does not send these, and consumers are renewed before it.
  /** Whose message it is. */
  owner: z.string().optional(),
  event_type: z.string().optional(),
  /** Null: a callback to an address that came with its request. */
  endpoint_id: z.uuid().nullish(),
  /** `webhook-sequence`: of messages to an endpoint. */
  sequence: z.number().int().nullish(),
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
  owner: `partner_key:${KEY}`,
  event_type: 'partner.job.finished',
  endpoint_id: null,
  sequence: null,
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
    producer: 'any',
    summary:
      'A service asks for one message to be delivered to one address. The same message is one delivery.',
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
      secret: { kind: 'partner', key_id: KEY, version: 1 },
      body: '{"job_id":"0192f0c1-2b3c-7d4e-8f50-617283940a1b","status":"completed"}',
    },
  }),
  messagePublished: defineEvent({
    name: 'webhooks.message.published',
    version: 1,
    producer: 'any',
    summary:
      "A service tells an owner something: it is delivered to each of the owner's endpoints that takes the event type. The same message id is one message.",
    data: z.object({
      /** `webhook-id` on the wire. Of one's own making, so that whoever publishes twice after a crash is heard once. */
      message_id: publishedMessageIdSchema,
      owner: webhookOwnerSchema,
      event_type: eventTypeSchema,
      /** Endpoints of the other environment do not get it. */
      environment: environmentSchema,
      /** The exact text that is sent and signed; `webhookBody` makes the recommended one. */
      body: z.string().refine(isStorable, 'must be well-formed Unicode without NUL'),
      /** An endpoint that does not get it: the one it is about. */
      except_endpoint_id: z.uuid().optional(),
    }),
    example: {
      message_id: JOB,
      owner: TOKEN_OWNER,
      event_type: 'ticket.created',
      environment: 'production',
      body: webhookBody('ticket.created', new Date('2024-12-15T10:30:00.000Z'), {
        ticket_id: JOB,
        subject: 'The printer is on fire',
      }),
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
    summary:
      'An attempt failed; another one follows at `next_attempt_at`, or once its endpoint is enabled again where that is null.',
    data: z.object({ ...attemptFields, next_attempt_at: z.iso.datetime().nullable() }),
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
  endpointDisabled: defineEvent({
    name: 'webhooks.endpoint.disabled',
    version: 1,
    producer: 'webhook-dispatcher',
    summary: 'Nothing is sent to an endpoint any more; what it would get is kept.',
    data: z.object({
      endpoint_id: z.uuid(),
      owner: z.string(),
      /** Who made it, to be told; null where nobody is known. */
      owner_user_id: z.uuid().nullable(),
      environment: environmentSchema,
      url: z.string(),
      /** `manual`: an administrator. `gone`: it answered 410. `failing`: nothing but failures for 120 hours. */
      reason: z.enum(['manual', 'gone', 'failing']),
      last_error: z.string().nullable(),
      disabled_at: z.iso.datetime(),
    }),
    example: {
      endpoint_id: ENDPOINT,
      owner: TOKEN_OWNER,
      owner_user_id: KEY,
      environment: 'production',
      url: 'https://example.com/webhooks',
      reason: 'failing',
      last_error: 'connection refused',
      disabled_at: '2024-12-15T10:30:00.000Z',
    },
  }),
  adminActed: defineEvent({
    name: 'webhooks.admin.acted',
    version: 1,
    producer: 'webhook-dispatcher',
    summary: 'An administrator did something to endpoints or deliveries.',
    data: adminActSchema,
    example: adminActExample,
  }),
};
