import { z } from 'zod';
import { userRoleSchema } from '../credentials/principal.ts';
import {
  allowedIpsSchema,
  cursorSchema,
  limitSchema,
  nextCursorSchema,
  overlapSecondsSchema,
  pageQuery,
  text,
  timestampSchema,
} from '../fields.ts';

/** What the routes of `/api/admin/v1` that identity-service answers take and give. */

const idParams = (what: string) => z.object({ id: z.uuid(`must be the id of ${what}`) });
const search = text(200).optional();
/** With its zone, whichever that is; answers show UTC. */
const momentSchema = z.iso.datetime({ offset: true }).meta({ example: '2025-12-15T10:30:00.000Z' });
/** A flag in a query. */
const flagSchema = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((word) => word === 'true')
  .optional();
const noChange = 'must name at least one thing to change';
const namesSomething = (body: object): boolean => Object.values(body).some((value) => value !== undefined);

// API keys

export const apiKeyParams = idParams('an API key');

export const createApiKeyBody = z.strictObject({
  name: text(200),
  /** Keys of one account see the same calls. Left out: an account of its own. */
  account: text(200).optional(),
  expires_at: momentSchema.nullish(),
  allowed_ips: allowedIpsSchema.default([]),
  rate_limit_per_minute: z.int().min(1).max(1_000_000).default(100),
});

export const updateApiKeyBody = z
  .strictObject({
    name: text(200).optional(),
    expires_at: momentSchema.nullable().optional(),
    allowed_ips: allowedIpsSchema.optional(),
    rate_limit_per_minute: z.int().min(1).max(1_000_000).optional(),
    is_active: z.boolean().optional(),
  })
  .refine(namesSomething, noChange);

export const rotateApiKeyBody = z.strictObject({ overlap_seconds: overlapSecondsSchema }).prefault({});

export const listApiKeysQuery = pageQuery.extend({ search, active: flagSchema });

export const apiKeyAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  account_id: z.uuid(),
  account: z.string(),
  /** The first characters, to tell keys apart. */
  key_prefix: z.string(),
  source: z.enum(['admin', 'environment']),
  allowed_ips: z.array(z.string()),
  rate_limit_per_minute: z.int(),
  is_active: z.boolean(),
  revoked_at: timestampSchema.nullable(),
  expires_at: timestampSchema.nullable(),
  last_used_at: timestampSchema.nullable(),
  /** Of the secret before the last rotation. */
  previous_secret_expires_at: timestampSchema.nullable(),
  previous_secret_last_used_at: timestampSchema.nullable(),
  created_by: z.uuid().nullable(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
});

export const createApiKeyAnswer = apiKeyAnswer.extend({ api_key: z.string(), api_secret: z.string() });

export const rotateApiKeyAnswer = z.object({
  id: z.uuid(),
  api_secret: z.string(),
  /** Until then the old secret works too; the moment of the rotation when it does not. */
  previous_secret_expires_at: timestampSchema,
});

export const listApiKeysAnswer = z.object({
  api_keys: z.array(apiKeyAnswer),
  next_cursor: nextCursorSchema,
});

export const apiKeyUsageAnswer = apiKeyAnswer.pick({
  id: true,
  created_at: true,
  last_used_at: true,
  previous_secret_expires_at: true,
  previous_secret_last_used_at: true,
});

// Users

export const userParams = idParams('a user');

/** In whatever form; what makes an address is decided in one place, identity-service. */
const emailSchema = text(320).meta({ format: 'email' });

export const createUserBody = z.strictObject({
  email: emailSchema,
  /** Left out: the user gets a mail with a link to choose one. */
  password: z.string().min(8, 'must have at least 8 characters').max(200).optional(),
  role: userRoleSchema.default('user'),
  name: text(200).optional(),
  business_id: text(100).optional(),
});

export const updateUserBody = z
  .strictObject({
    role: userRoleSchema.optional(),
    business_id: text(100).nullable().optional(),
    email: emailSchema.optional(),
  })
  .refine(namesSomething, noChange);

export const listUsersQuery = pageQuery.extend({
  /** Part of an e-mail address; of its middle, among the 10,000 newest users. */
  search,
  role: userRoleSchema.optional(),
  disabled: flagSchema,
  origin: z.enum(['local', 'external']).optional(),
});

export const adminUserAnswer = z.object({
  id: z.uuid(),
  origin: z.enum(['local', 'external']),
  email: z.string().nullable(),
  email_confirmed_at: timestampSchema.nullable(),
  name: z.string().nullable(),
  role: userRoleSchema,
  business_id: z.string().nullable(),
  disabled_at: timestampSchema.nullable(),
  last_sign_in_at: timestampSchema.nullable(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
});

export const adminUserDetailsAnswer = adminUserAnswer.extend({
  identities: z.array(
    z.object({
      provider: z.string(),
      email: z.string().nullable(),
      last_sign_in_at: timestampSchema.nullable(),
      created_at: timestampSchema,
    }),
  ),
  /** Newest first, at most 100. */
  open_sessions: z.array(
    z.object({
      id: z.uuid(),
      client_name: z.string().nullable(),
      ip: z.string().nullable(),
      user_agent: z.string().nullable(),
      created_at: timestampSchema,
      refreshed_at: timestampSchema.nullable(),
    }),
  ),
});

export const listUsersAnswer = z.object({ users: z.array(adminUserAnswer), next_cursor: nextCursorSchema });

export const signOutUserAnswer = z.object({ sessions_ended: z.int() });

// Signing keys

export const rotateSigningKeyBody = z
  .strictObject({
    /** True: the new key signs at once, not after a quarter of an hour in which everybody gets to know it. */
    immediately: z.boolean().default(false),
    /** True, for a key that became known: the others are void at once, and so is every access token they signed. */
    revoke_old: z.boolean().default(false),
  })
  .prefault({});

export const signingKeyAnswer = z.object({
  kid: z.string(),
  created_at: timestampSchema,
  signs_from: timestampSchema,
  signs_until: timestampSchema.nullable(),
  /** Until then tokens of it are taken. */
  published_until: timestampSchema.nullable(),
});

export const listSigningKeysAnswer = z.object({
  signing_keys: z.array(signingKeyAnswer),
  next_cursor: nextCursorSchema,
});

// Audit log

export const listAuditLogQuery = z.object({
  limit: limitSchema,
  cursor: cursorSchema,
  /** The user who acted. */
  actor: z.uuid().optional(),
  action: z
    .string()
    .regex(/^[a-z_]+\.[a-z_]+$/, 'must be an action such as user.change_role')
    .optional(),
  target_type: text(100).optional(),
  /** With target_type. */
  target_id: text(200).optional(),
  service: text(100).optional(),
  from: momentSchema.optional(),
  to: momentSchema.optional(),
});

export const auditEntryAnswer = z.object({
  id: z.uuid(),
  at: timestampSchema,
  service: z.string(),
  action: z.string(),
  /** Null: the platform did it by itself, such as ending a leaked key. */
  actor: z
    .object({ user_id: z.uuid(), email: z.string().nullable(), role: z.string().nullable() })
    .nullable(),
  target: z.object({ type: z.string(), id: z.string(), name: z.string().nullable() }),
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable(),
});

export const listAuditLogAnswer = z.object({
  entries: z.array(auditEntryAnswer),
  next_cursor: nextCursorSchema,
});

// Leaks

/** A message of GitHub's secret scanning partner program. What else a match carries is ignored. */
export const reportLeaksBody = z
  .array(
    z.object({
      token: z.string(),
      type: z.string(),
      url: z.string().nullish(),
      source: z.string().nullish(),
    }),
  )
  .max(1000, 'must have at most 1000 matches');

/** GitHub's feedback: only of matches whose checksum says that they are no key of ours. The token never comes back. */
export const reportLeaksAnswer = z.array(
  z.object({
    token_hash: z.string().regex(/^[0-9a-f]{64}$/),
    token_type: z.string(),
    label: z.enum(['true_positive', 'false_positive']),
  }),
);
