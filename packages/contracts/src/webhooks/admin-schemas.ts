import { z } from 'zod';
import { environmentSchema } from '../credentials/principal.ts';
import { limitSchema, nextCursorSchema, pageQuery, smallRecord, text, timestampSchema } from '../fields.ts';
import { instantSchema } from '../partner/schemas.ts';
import {
  customHeadersSchema,
  deliveryStatusSchema,
  eventTypePatternSchema,
  eventTypeSchema,
  messageIdSchema,
  profileSchema,
  scheduleSchema,
  targetUrlSchema,
  webhookOwnerSchema,
} from './schemas.ts';

/**
 * TERMINOLOGY — *endpoint*: an address with a secret and a set of event types. *Message*: one event for one owner.
 * *Delivery*: one message to one endpoint. *Attempt*: one HTTP request of a delivery. *Replay*: deliveries that somebody
 * had sent again.
 */
const wholeNumber = (min: number, max: number) =>
  z.int('must be a whole number').min(min, `must be at least ${min}`).max(max, `must be at most ${max}`);

const ROTATION_OVERLAP_SECONDS_MAX = 7 * 86_400;
const rotationOverlapSchema = wholeNumber(0, ROTATION_OVERLAP_SECONDS_MAX).default(86_400);
const paceSchema = wholeNumber(1, 1000).default(50);

export const endpointParams = z.object({ endpoint_id: z.uuid('must be a UUID') });
export const deliveryParams = z.object({ delivery_id: z.uuid('must be a UUID') });
export const replayParams = z.object({ replay_id: z.uuid('must be a UUID') });

const endpointSettings = {
  /** https, but in the sandbox; ports 80, 443, 1024 to 65535; no private addresses. */
  url: targetUrlSchema,
  description: text(500).nullable(),
  event_types: z
    .array(eventTypePatternSchema)
    .min(1, 'must have at least one')
    .max(100, 'must have at most 100'),
  /** null: the platform's (0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h, each ±20 %). */
  schedule_seconds: scheduleSchema.nullable(),
  /** null: as fast as it answers. */
  rate_per_second: wholeNumber(1, 1000).nullable(),
  /** Most attempts at a time. */
  concurrency: wholeNumber(1, 100),
};

const endpointFields = {
  id: z.uuid(),
  owner: webhookOwnerSchema,
  environment: environmentSchema,
  ...endpointSettings,
  /** Of its own headers; their values are kept encrypted and never shown. */
  header_names: z.array(z.string()),
  status: z.enum(['enabled', 'disabled']),
  /** `manual`: an administrator. `gone`: it answered 410. `failing`: nothing but failures for 120 hours. */
  disabled_reason: z.enum(['manual', 'gone', 'failing']).nullable(),
  disabled_at: timestampSchema.nullable(),
  /** Newest first; those with an end sign until then, beside the one without. */
  secrets: z.array(
    z.object({ id: z.uuid(), created_at: timestampSchema, expires_at: timestampSchema.nullable() }),
  ),
  /** `webhook-sequence` of the newest message; 0: there was none. */
  last_sequence: z.number().int(),
  health: z.object({
    /** Since when there were nothing but failures; null: the last attempt succeeded, or there was none. */
    failing_since: timestampSchema.nullable(),
    consecutive_failures: z.number().int(),
    last_success_at: timestampSchema.nullable(),
    last_failure_at: timestampSchema.nullable(),
    last_error: z.string().nullable(),
    /** Until then nothing is sent, because too much failed; null: the circuit is closed. */
    circuit_open_until: timestampSchema.nullable(),
  }),
  created_at: timestampSchema,
  updated_at: timestampSchema,
};

export const endpointAnswer = z.object(endpointFields);
export type EndpointAnswer = z.input<typeof endpointAnswer>;
export const endpointWithSecretAnswer = z.object({
  ...endpointFields,
  /** `whsec_…`, shown in this answer only. */
  secret: z.string(),
});

export const listEndpointsQuery = pageQuery.extend({
  owner: webhookOwnerSchema.optional(),
  environment: environmentSchema.optional(),
  status: z.enum(['enabled', 'disabled'], 'must be enabled or disabled').optional(),
});
export const listEndpointsAnswer = z.object({
  endpoints: z.array(endpointAnswer),
  next_cursor: nextCursorSchema,
});

export const createEndpointBody = z.strictObject({
  owner: webhookOwnerSchema,
  environment: environmentSchema.default('production'),
  ...endpointSettings,
  description: endpointSettings.description.default(null),
  schedule_seconds: endpointSettings.schedule_seconds.default(null),
  rate_per_second: endpointSettings.rate_per_second.default(null),
  concurrency: endpointSettings.concurrency.default(20),
  headers: customHeadersSchema.default({}),
});

export const updateEndpointBody = z
  .strictObject({
    url: endpointSettings.url.optional(),
    description: endpointSettings.description.optional(),
    event_types: endpointSettings.event_types.optional(),
    schedule_seconds: endpointSettings.schedule_seconds.optional(),
    rate_per_second: endpointSettings.rate_per_second.optional(),
    concurrency: endpointSettings.concurrency.optional(),
    /** Replaces all of them. */
    headers: customHeadersSchema.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message:
      'must change something: url, description, event_types, schedule_seconds, rate_per_second, concurrency or headers',
  });

export const rotateSecretBody = z.strictObject({
  /** How long the old secret signs beside the new one: 0 to 7 days. */
  overlap_seconds: rotationOverlapSchema,
});

const replayFilter = {
  endpoint_id: z.uuid('must be a UUID').optional(),
  owner: webhookOwnerSchema.optional(),
  event_type: eventTypeSchema.optional(),
  /** When the message was accepted: from this time on. */
  from: instantSchema,
  /** Before this time. */
  to: instantSchema,
  /** `webhook-sequence` of an endpoint, both included. */
  from_sequence: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  to_sequence: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  statuses: z
    .array(z.enum(['succeeded', 'exhausted', 'held'], 'must be succeeded, exhausted or held'))
    .min(1, 'must have at least one')
    .max(3, 'must have at most 3')
    .default(['exhausted']),
};

/** Strict: what names anything else is no filter, and must not be taken for one that finds everything that failed. */
export const replayFilterSchema = z.strictObject(replayFilter);

export const createReplayBody = z
  .strictObject({
    ...replayFilter,
    /** Deliveries that are put in line each second. */
    rate_per_second: paceSchema,
    /** true: counts, and sends nothing. */
    dry_run: z.boolean().default(false),
  })
  .refine(
    (body) =>
      body.endpoint_id !== undefined || (body.from_sequence === undefined && body.to_sequence === undefined),
    { path: ['endpoint_id'], message: 'is needed with from_sequence and to_sequence' },
  );

const replayFields = {
  id: z.uuid(),
  /** `missed`: what was held while an endpoint was disabled. */
  kind: z.enum(['replay', 'missed']),
  status: z.enum(['running', 'completed', 'cancelled']),
  /** As it was asked for; of a single one, its delivery. */
  filter: z.object({ ...replayFilter, delivery_id: z.uuid() }).partial(),
  rate_per_second: z.number().int(),
  /** Deliveries that the filter found when the replay was made. */
  total: z.number().int(),
  /** Put in line so far; at most rate_per_second each second, and fewer while many of them still wait. */
  scheduled: z.number().int(),
  successful: z.number().int(),
  /** Used up their schedule again. */
  failed: z.number().int(),
  /**
   * Were on their way anyway, what they said is kept no longer, or their endpoint was disabled or deleted meanwhile. Of a
   * replay that is completed, total is successful + failed + skipped.
   */
  skipped: z.number().int(),
  created_by: z.string().nullable(),
  created_at: timestampSchema,
  finished_at: timestampSchema.nullable(),
};
export const replayAnswer = z.object(replayFields);
export type ReplayAnswer = z.input<typeof replayAnswer>;
export const dryRunAnswer = z.object({
  dry_run: z.literal(true),
  total: z.number().int(),
  /** Of these, what they said is kept no longer. */
  expired: z.number().int(),
});
export const listReplaysQuery = pageQuery.extend({ endpoint_id: z.uuid('must be a UUID').optional() });
export const listReplaysAnswer = z.object({ replays: z.array(replayAnswer), next_cursor: nextCursorSchema });

export const enableEndpointBody = z.strictObject({
  /** true: what was held while it was disabled is sent now, at this pace. */
  send_missed: z.boolean().default(false),
  rate_per_second: paceSchema,
});
export const enableEndpointAnswer = z.object({
  endpoint: endpointAnswer,
  /** null: nothing was asked for, or nothing was held. */
  replay: replayAnswer.nullable(),
});

export const testEndpointAnswer = z.object({ message_id: messageIdSchema, delivery_id: z.uuid() });

export const feedQuery = z.object({
  /** The last `webhook-sequence` that is known; messages after it are given. */
  after: z
    .preprocess(
      (value) => (typeof value === 'string' && !/^\d{1,15}$/.test(value) ? Number.NaN : value),
      z.coerce.number('must be a whole number').int('must be a whole number').min(0, 'must be at least 0'),
    )
    .default(0),
  limit: limitSchema,
});
export const feedAnswer = z.object({
  messages: z.array(
    z.object({
      sequence: z.number().int(),
      /** `webhook-id` on the wire. */
      message_id: messageIdSchema,
      delivery_id: z.uuid(),
      event_type: z.string(),
      status: deliveryStatusSchema,
      /** The text that was signed; null once it is kept no longer. */
      body: z.string().nullable(),
      created_at: timestampSchema,
    }),
  ),
  /** For `after` next time. */
  next_after: z.number().int(),
  has_more: z.boolean(),
  /** The newest; equal to next_after: nothing was missed. */
  last_sequence: z.number().int(),
});
export type FeedAnswer = z.input<typeof feedAnswer>;

const deliveryFields = {
  id: z.uuid(),
  message_id: messageIdSchema,
  event_type: z.string(),
  owner: z.string(),
  environment: environmentSchema,
  profile: profileSchema,
  /** null: a callback to an address that came with its request. */
  endpoint_id: z.uuid().nullable(),
  sequence: z.number().int().nullable(),
  url: z.string(),
  status: deliveryStatusSchema,
  attempt_count: z.number().int(),
  /** null: none is to come. Of one that runs: when its lease ends. */
  next_attempt_at: timestampSchema.nullable(),
  replay_id: z.uuid().nullable(),
  created_at: timestampSchema,
  finished_at: timestampSchema.nullable(),
};
const attemptFields = {
  attempt_number: z.number().int(),
  /** `lost`: the process that made it ended before it knew; the receiver may have seen it. */
  outcome: z.enum(['succeeded', 'failed', 'lost']),
  http_status: z.number().int().nullable(),
  answer_headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullable(),
  /** The first 16 kB, as text. */
  answer_body: z.string().nullable(),
  duration_ms: z.number().int().nullable(),
  /** In words. */
  error: z.string().nullable(),
  /** The replay that caused it; null: the schedule did. */
  replay_id: z.uuid().nullable(),
  attempted_at: timestampSchema,
};

export const deliverySummary = z.object(deliveryFields);
export type DeliverySummary = z.input<typeof deliverySummary>;
export const listDeliveriesQuery = pageQuery.extend({
  status: deliveryStatusSchema.optional(),
  endpoint_id: z.uuid('must be a UUID').optional(),
  owner: webhookOwnerSchema.optional(),
  event_type: eventTypeSchema.optional(),
  message_id: messageIdSchema.optional(),
  from: instantSchema,
  to: instantSchema,
});
export const listDeliveriesAnswer = z.object({
  deliveries: z.array(deliverySummary),
  next_cursor: nextCursorSchema,
});
export const deliveryAnswer = z.object({
  ...deliveryFields,
  /** The text that is signed; null once it is kept no longer. */
  body: z.string().nullable(),
  last_attempt: z.object(attemptFields).nullable(),
});

export const listAttemptsQuery = z.object({
  limit: limitSchema,
  /** Attempts with a lower number. */
  before: z
    .preprocess(
      (value) => (typeof value === 'string' && !/^\d{1,9}$/.test(value) ? Number.NaN : value),
      z.coerce.number('must be a whole number').int('must be a whole number').min(1, 'must be at least 1'),
    )
    .optional(),
});
export const listAttemptsAnswer = z.object({
  attempts: z.array(z.object(attemptFields)),
  next_before: z.number().int().nullable(),
});

export const replayDeliveryAnswer = z.object({
  delivery_id: z.uuid(),
  /** `waiting`: an attempt was to come anyway. */
  status: z.enum(['scheduled', 'waiting']),
  attempt_number: z.number().int(),
  replay_id: z.uuid().nullable(),
});

/** More than any server takes of a request. */
const GIVEN_HEADERS_MAX = 500;

export const verifyBody = z
  .strictObject({
    /** Whose signature it should be; without it, the one that the message was sent to. */
    endpoint_id: z.uuid('must be a UUID').optional(),
    /** As the receiver got them. */
    headers: smallRecord(z.record(z.string(), z.string()), GIVEN_HEADERS_MAX, 'headers'),
    /** As the receiver got it; in UTF-8. */
    body: z.string().max(1_000_000).optional(),
    body_base64: z.base64('must be base64').max(1_400_000).optional(),
    /** The secret that the receiver checks with: compared, never kept or shown. */
    secret: z.string().max(200).optional(),
    tolerance_seconds: wholeNumber(1, 86_400).default(300),
  })
  .refine((body) => (body.body === undefined) !== (body.body_base64 === undefined), {
    path: ['body'],
    message: 'is needed, or body_base64 in its place',
  });
export const verifyAnswer = z.object({
  /** Whether a correct receiver takes it. */
  valid: z.boolean(),
  /** In the order a receiver takes them. `null`: could not be looked at. */
  steps: z.array(
    z.object({
      step: z.enum(['headers', 'clock', 'message', 'bytes', 'secret', 'signature', 'public_key']),
      ok: z.boolean().nullable(),
      detail: z.string(),
    }),
  ),
  /** What to do about the first step that failed; null: nothing. */
  advice: z.string().nullable(),
});

const signingKey = z.object({
  /** `kid` in the key set. */
  id: z.uuid(),
  /** `whpk_…`, as Standard Webhooks writes public keys. */
  public_key: z.string(),
  created_at: timestampSchema,
  /** null: the current one. */
  expires_at: timestampSchema.nullable(),
});
export const listWebhookSigningKeysAnswer = z.object({ signing_keys: z.array(signingKey) });
export const rotateWebhookSigningKeyAnswer = signingKey;

export const jwksAnswer = z.object({
  keys: z.array(
    z.object({
      kty: z.literal('OKP'),
      crv: z.literal('Ed25519'),
      x: z.string(),
      kid: z.string(),
      use: z.literal('sig'),
      alg: z.literal('EdDSA'),
    }),
  ),
});

/** What a partner sees of its own callbacks. */
export const listPartnerDeliveriesQuery = pageQuery.extend({
  status: z.enum(['pending', 'succeeded', 'exhausted'], 'must be pending, succeeded or exhausted').optional(),
  job_id: z.uuid('must be a UUID').optional(),
});
export const listPartnerDeliveriesAnswer = z.object({
  deliveries: z.array(
    z.object({
      id: z.uuid(),
      job_id: z.string(),
      webhook_url: z.string(),
      status: z.enum(['pending', 'succeeded', 'exhausted']),
      attempt_count: z.number().int(),
      next_attempt_at: timestampSchema.nullable(),
      last_attempt: z
        .object({
          attempt_number: z.number().int(),
          http_status: z.number().int().nullable(),
          error_message: z.string().nullable(),
          duration_ms: z.number().int().nullable(),
          attempted_at: timestampSchema,
        })
        .nullable(),
      created_at: timestampSchema,
      finished_at: timestampSchema.nullable(),
    }),
  ),
  next_cursor: nextCursorSchema,
});
export const retryPartnerDeliveryAnswer = z.object({
  delivery_id: z.uuid(),
  /** `waiting`: an attempt was to come anyway. `succeeded`: it has arrived; nothing is sent. */
  status: z.enum(['scheduled', 'waiting', 'succeeded']),
  attempt_number: z.number().int(),
});
