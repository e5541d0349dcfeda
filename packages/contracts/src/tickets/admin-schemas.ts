import { z } from 'zod';
import {
  allowedIpsSchema,
  cursorSchema,
  freeObject,
  isStorable,
  limitSchema,
  nextCursorSchema,
  overlapSecondsSchema,
  text,
  timestampSchema,
} from '../fields.ts';
import { endpointPatternSchema } from './endpoints.ts';

/**
 * TERMINOLOGY — *integration token*: what an outside system presents on the tickets surface. *Regenerate*: a new secret
 * for the same token. *Overlap*: how long its old secret still works after that. *Counted*: a request that took one of
 * the token's limit. Fields that nobody knows are refused, so that a mistyped one is not lost in silence.
 */
export const integrationTokenStatuses = ['active', 'disabled', 'revoked'] as const;
const statusSchema = z.enum(integrationTokenStatuses);

const METADATA_BYTES_MAX = 16 * 1024;

const nameSchema = text(200).meta({ example: 'Helpdesk of Example Ltd' });
const descriptionSchema = text(2000);
const rateLimitSchema = z.int().min(1).max(1_000_000);
const expiresAtSchema = z.iso.datetime({
  offset: true,
  error: 'must be a time such as 2027-01-31T00:00:00Z',
});
const allowedEndpointsSchema = z
  .array(endpointPatternSchema)
  .min(1, 'must have at least one entry; ["*"] allows everything')
  .max(100, 'must have at most 100 entries');
const metadataSchema = freeObject(METADATA_BYTES_MAX);
const ownerSchema = z.uuid('must be a UUID');

/** Null is as good as nothing; what is left out gets its default. */
export const createIntegrationTokenBody = z.strictObject({
  name: nameSchema,
  description: descriptionSchema.nullish(),
  rate_limit_per_hour: rateLimitSchema.nullish(),
  expires_at: expiresAtSchema.nullish(),
  allowed_endpoints: allowedEndpointsSchema.nullish(),
  allowed_ips: allowedIpsSchema.nullish(),
  metadata: metadataSchema.nullish(),
  owner_user_id: ownerSchema.nullish(),
});

/** What is left out stays as it is; null clears what can be without a value. */
export const updateIntegrationTokenBody = z
  .strictObject({
    name: nameSchema.optional(),
    description: descriptionSchema.nullable().optional(),
    rate_limit_per_hour: rateLimitSchema.optional(),
    expires_at: expiresAtSchema.nullable().optional(),
    allowed_endpoints: allowedEndpointsSchema.optional(),
    allowed_ips: allowedIpsSchema.optional(),
    metadata: metadataSchema.optional(),
    owner_user_id: ownerSchema.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, 'must change at least one field');

/** The guide ends the old secret at once; an overlap is ours. */
export const regenerateIntegrationTokenBody = z
  .strictObject({ overlap_seconds: overlapSecondsSchema.unwrap().default(0) })
  .nullish();

export const integrationTokenParams = z.object({ token_id: z.uuid('must be a UUID') });

const searchSchema = z
  .string()
  .trim()
  .max(200, 'must have at most 200 characters')
  .refine(isStorable, 'must be well-formed Unicode without NUL');

export const listIntegrationTokensQuery = z.object({
  limit: limitSchema,
  cursor: cursorSchema,
  search: searchSchema.optional().meta({ description: 'Part of the name or of the token_prefix' }),
  status: statusSchema.optional(),
});

const timeSchema = z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' });

export const listIntegrationTokenUsageQuery = z.object({
  limit: limitSchema,
  cursor: cursorSchema,
  status: z
    .string()
    .regex(/^[1-5](\d\d|xx)$/, 'must be a status such as 429, or a class of them such as 4xx')
    .optional(),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  endpoint: z
    .string()
    .max(500, 'must have at most 500 characters')
    .optional()
    .meta({ description: 'As the list shows it', example: '/functions/v1/integration-tickets' }),
  from: timeSchema.optional(),
  to: timeSchema.optional(),
});

/** The figures that the guide names, kept as they come: no answer counts the log. Hours and days are those of UTC. */
const statsSchema = z.object({
  total_requests: z.number().int(),
  requests_this_hour: z.number().int(),
  requests_today: z.number().int(),
  error_count: z.number().int(),
  avg_response_time_ms: z.number().nullable(),
  /** To within a fifth: from a histogram. */
  p95_response_time_ms: z.number().nullable(),
  /** What is kept for it, in bytes: its tickets, as they were after each change, and their files. */
  stored_bytes: z.number().int(),
});

export const integrationTokenAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  token_prefix: z.string(),
  status: statusSchema,
  owner_user_id: z.uuid().nullable(),
  rate_limit_per_hour: z.number().int(),
  allowed_endpoints: z.array(z.string()),
  allowed_ips: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  expires_at: timestampSchema.nullable(),
  revoked_at: timestampSchema.nullable(),
  last_used_at: timestampSchema.nullable(),
  /** Until when the secret before the last one works, or worked. */
  previous_token_expires_at: timestampSchema.nullable(),
  previous_token_last_used_at: timestampSchema.nullable(),
  created_by: z.uuid().nullable(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
  stats: statsSchema,
});

/** Of a new secret: the only answer that ever has it. */
export const integrationTokenSecretAnswer = integrationTokenAnswer.extend({ token: z.string() });

export const listIntegrationTokensAnswer = z.object({
  tokens: z.array(integrationTokenAnswer),
  next_cursor: nextCursorSchema,
});

export const integrationTokenUsageAnswer = z.object({
  requests: z.array(
    z.object({
      id: z.uuid(),
      request_id: z.string(),
      endpoint: z.string(),
      method: z.string(),
      status_code: z.number().int(),
      response_time_ms: z.number(),
      error_code: z.string().nullable(),
      counted: z.boolean(),
      /** How many further refused requests like it the row stands for. */
      repeated: z.number().int(),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      created_at: timestampSchema,
    }),
  ),
  next_cursor: nextCursorSchema,
});

export const integrationTokenSummaryAnswer = statsSchema;
