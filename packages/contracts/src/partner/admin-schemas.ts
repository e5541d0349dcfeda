import { z } from 'zod';
import { environmentSchema, permissionsSchema } from '../credentials/principal.ts';
import {
  allowedIpsSchema,
  isStorable,
  nextCursorSchema,
  overlapSecondsSchema,
  pageQuery,
  text,
  timestampSchema,
} from '../fields.ts';
import { instantSchema } from './schemas.ts';

/**
 * TERMINOLOGY — *partner key*: the pair of key and secret that a partner calls with. *Old secret*: the one before the
 * last rotation, good until its overlap ends. *Revoked*: ended for ever; *inactive*: switched off, and can be switched
 * on again.
 */
export const keyIdParams = z.object({ key_id: z.uuid('must be a UUID') });
export const deliveryIdParams = z.object({ delivery_id: z.uuid('must be a UUID') });

const searchSchema = z
  .string()
  .trim()
  .max(200, 'must have at most 200 characters')
  .refine(isStorable, 'must be well-formed Unicode without NUL')
  .optional();

const booleanParameter = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true')
  .optional();

/** The same bound as `generate_partner_api_key` has. */
const EXPIRES_IN_DAYS_MAX = 36_500;

const rateLimitSchema = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1_000_000, 'must be at most 1000000');

const keyFields = {
  id: z.uuid(),
  partner_id: z.uuid(),
  partner_name: z.string(),
  environment: environmentSchema,
  company_id: z.uuid().nullable(),
  /** The first characters, to tell keys apart. */
  key_prefix: z.string(),
  permissions: permissionsSchema,
  /** Empty: every address. */
  allowed_ips: z.array(z.string()),
  rate_limit_per_minute: z.number().int(),
  status: z.enum(['active', 'inactive', 'expired', 'revoked']),
  is_active: z.boolean(),
  expires_at: timestampSchema.nullable(),
  revoked_at: timestampSchema.nullable(),
  last_used_at: timestampSchema.nullable(),
  /** Until when the old secret is good; null when there is none. */
  previous_secret_expires_at: timestampSchema.nullable(),
  /** When somebody last came with the old secret. */
  previous_secret_last_used_at: timestampSchema.nullable(),
  webhook_secret_version: z.number().int(),
  /** The user, or the role of the database that made it. */
  created_by: z.string(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
};

export const partnerKeyAnswer = z.object(keyFields);

export const listKeysQuery = pageQuery.extend({
  /** In the partner's name. */
  search: searchSchema,
  environment: environmentSchema.optional(),
  /** true: those that are good now; false: the others. */
  active: booleanParameter,
});
export const listKeysAnswer = z.object({
  partner_keys: z.array(partnerKeyAnswer),
  next_cursor: nextCursorSchema,
});

export const createKeyBody = z.strictObject({
  partner_name: text(200).meta({ example: 'CompanyX Call Center' }),
  environment: environmentSchema,
  /** Binds the key to one company of its environment. */
  company_id: z.uuid('must be a UUID').nullish(),
  /** null: it does not expire. */
  expires_in_days: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(EXPIRES_IN_DAYS_MAX, `must be at most ${EXPIRES_IN_DAYS_MAX}`)
    .nullable()
    .default(365),
  allowed_ips: allowedIpsSchema.default([]),
  rate_limit_per_minute: rateLimitSchema.default(1000),
  permissions: permissionsSchema.default({ all: true }),
});
export const createKeyAnswer = z.object({
  ...keyFields,
  api_key: z.string(),
  api_secret: z.string(),
  webhook_secret: z.string(),
});

export const updateKeyBody = z
  .strictObject({
    rate_limit_per_minute: rateLimitSchema.optional(),
    allowed_ips: allowedIpsSchema.optional(),
    /** null: it does not expire. */
    expires_at: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time, or null' }).nullish(),
    is_active: z.boolean().optional(),
    permissions: permissionsSchema.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message:
      'must change something: rate_limit_per_minute, allowed_ips, expires_at, is_active or permissions',
  });

export const rotateKeyBody = z
  .strictObject({
    overlap_seconds: overlapSecondsSchema,
    /** true: callbacks are signed with a new secret from now on; of that one the old has no overlap. */
    rotate_webhook_secret: z.boolean().default(false),
  })
  .prefault({});
export const rotateKeyAnswer = z.object({
  id: z.uuid(),
  api_secret: z.string(),
  /** null unless it was rotated. */
  webhook_secret: z.string().nullable(),
  /** null: the old secret ended at once. */
  previous_secret_expires_at: timestampSchema.nullable(),
});

export const keyUsageQuery = z.object({ from: instantSchema, to: instantSchema });
export const keyUsageAnswer = z.object({
  from: timestampSchema,
  to: timestampSchema,
  total_requests: z.number().int(),
  successful_requests: z.number().int(),
  failed_requests: z.number().int(),
  average_response_time_ms: z.number().nullable(),
  total_jobs: z.number().int(),
  completed_jobs: z.number().int(),
  failed_jobs: z.number().int(),
  pending_jobs: z.number().int(),
});

export const statusClassSchema = z.enum(['2xx', '3xx', '4xx', '5xx']);

export const listRequestsQuery = pageQuery.extend({
  status: statusClassSchema.optional(),
  /** As the log has it: the route's pattern. */
  endpoint: z
    .string()
    .max(300, 'must have at most 300 characters')
    .optional()
    .meta({ example: '/api/partner/v1/jobs/:job_id/status' }),
  from: instantSchema,
  to: instantSchema,
});
export const listRequestsAnswer = z.object({
  requests: z.array(
    z.object({
      id: z.uuid(),
      method: z.string(),
      endpoint: z.string(),
      response_status: z.number().int(),
      response_time_ms: z.number(),
      error_code: z.string().nullable(),
      request_id: z.string(),
      trace_id: z.string(),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      idempotency_key: z.string().nullable(),
      /** How many further refused requests like it the row stands for. */
      repeated: z.number().int(),
      created_at: timestampSchema,
    }),
  ),
  next_cursor: nextCursorSchema,
});

export const listWebhooksQuery = pageQuery.extend({
  success: booleanParameter,
  job_id: z.uuid('must be a UUID').optional(),
});
export const listWebhooksAnswer = z.object({
  webhooks: z.array(
    z.object({
      id: z.uuid(),
      delivery_id: z.uuid(),
      job_id: z.uuid(),
      webhook_url: z.string(),
      attempt_number: z.number().int(),
      http_status: z.number().int().nullable(),
      success: z.boolean(),
      error_message: z.string().nullable(),
      duration_ms: z.number().int(),
      /** null: nobody tries again by itself. */
      next_attempt_at: timestampSchema.nullable(),
      created_at: timestampSchema,
    }),
  ),
  next_cursor: nextCursorSchema,
});

export const retryWebhookAnswer = z.object({
  delivery_id: z.uuid(),
  /** `waiting`: an attempt was to come anyway. `succeeded`: it has arrived, nothing is sent again. */
  status: z.enum(['scheduled', 'waiting', 'succeeded']),
  /** Of the attempt to come, or of the one that arrived. */
  attempt_number: z.number().int(),
});

export const retryFailedWebhooksAnswer = z.object({
  total: z.number().int(),
  successful: z.number().int(),
  failed: z.number().int(),
  /** Of those the outcome is not known yet: the webhook log will have it. */
  pending: z.number().int(),
  /** true: there are more than one request takes; ask again. */
  has_more: z.boolean(),
});

export const listPartnerCompaniesQuery = pageQuery.extend({
  /** In name or industry. */
  search: searchSchema,
  environment: environmentSchema.optional(),
});
export const listPartnerCompaniesAnswer = z.object({
  companies: z.array(
    z.object({
      id: z.uuid(),
      environment: environmentSchema,
      name: z.string(),
      industry: z.string().nullable(),
      contact_email: z.string(),
      total_agents: z.number().int(),
      total_calls: z.number().int(),
      created_at: timestampSchema,
    }),
  ),
  next_cursor: nextCursorSchema,
});
