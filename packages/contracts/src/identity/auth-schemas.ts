import { z } from 'zod';
import { freeObject, isStorable, timestampSchema } from '../fields.ts';

/** What Supabase Auth takes and answers. Unknown fields of a body are not taken in, whatever they are called. */

/** It travels in every access token, and those in a header. */
const METADATA_BYTES_MAX = 4096;

/** Bounded so that no hash or look-up gets a megabyte; whether it is an address is said in one place, in the service. */
const emailField = z.string().max(512, 'must have at most 512 characters').refine(isStorable, 'must be text');
const passwordField = z.string().max(4096, 'must have at most 4096 characters');
const tokenField = z.string().min(1).max(512);
const metadataField = freeObject(METADATA_BYTES_MAX, 10);

/** supabase-js sends null where it has none. */
const codeChallengeFields = {
  code_challenge: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{43,128}$/, 'must be 43 to 128 characters of the URL-safe alphabet')
    .nullish(),
  code_challenge_method: z.enum(['s256', 'S256', 'plain']).nullish(),
};

export const redirectQuery = z.object({ redirect_to: z.string().max(4096).optional() });

export const signUpBody = z.object({
  email: emailField,
  password: passwordField,
  data: metadataField.nullish(),
  ...codeChallengeFields,
});

export const tokenQuery = z.object({ grant_type: z.string().max(64) });

/** One route, three grants: what each needs is looked at when it is known which it is. */
export const tokenBody = z.object({
  email: emailField.optional(),
  password: passwordField.optional(),
  refresh_token: tokenField.optional(),
  auth_code: tokenField.optional(),
  code_verifier: tokenField.optional(),
});

export const updateUserBody = z.object({
  email: emailField.nullish(),
  password: passwordField.nullish(),
  current_password: passwordField.nullish(),
  data: metadataField.nullish(),
  ...codeChallengeFields,
});

export const recoverBody = z.object({ email: emailField, ...codeChallengeFields });

const verificationTypes = ['signup', 'recovery', 'email_change', 'email'] as const;

export const verifyBody = z.object({
  type: z.enum(verificationTypes),
  email: emailField.nullish(),
  token: tokenField.nullish(),
  token_hash: tokenField.nullish(),
});

/** Lenient: whoever follows a bad link is sent back with an error, not shown one. */
export const verifyQuery = z.object({
  token: z.string().max(4096).optional(),
  token_hash: z.string().max(4096).optional(),
  type: z.string().max(64).optional(),
  redirect_to: z.string().max(4096).optional(),
});

export const logoutQuery = z.object({ scope: z.enum(['global', 'local', 'others']).default('global') });

const providerName = z.enum(['email', 'google', 'twitter']);

export const userAnswerSchema = z.object({
  id: z.uuid(),
  aud: z.string(),
  role: z.string(),
  email: z.string(),
  email_confirmed_at: timestampSchema.optional(),
  phone: z.string(),
  confirmation_sent_at: timestampSchema.optional(),
  confirmed_at: timestampSchema.optional(),
  new_email: z.string().optional(),
  email_change_sent_at: timestampSchema.optional(),
  last_sign_in_at: timestampSchema.optional(),
  app_metadata: z.object({
    provider: providerName,
    providers: z.array(providerName),
    role: z.string(),
    business_id: z.string().optional(),
  }),
  user_metadata: z.record(z.string(), z.unknown()),
  identities: z.array(
    z.object({
      identity_id: z.uuid(),
      id: z.string(),
      user_id: z.uuid(),
      identity_data: z.record(z.string(), z.unknown()),
      provider: providerName,
      last_sign_in_at: timestampSchema.nullable(),
      created_at: timestampSchema,
      updated_at: timestampSchema,
      email: z.string().optional(),
    }),
  ),
  created_at: timestampSchema,
  updated_at: timestampSchema,
  is_anonymous: z.boolean(),
});

export const sessionAnswerSchema = z.object({
  access_token: z.string(),
  token_type: z.literal('bearer'),
  expires_in: z.number().int(),
  /** Seconds since 1970. */
  expires_at: z.number().int(),
  refresh_token: z.string(),
  user: userAnswerSchema,
});

/** A session; or, while an address must be confirmed first, the user alone. */
export const signUpAnswerSchema = z.union([sessionAnswerSchema, userAnswerSchema]);

export const emptyAnswerSchema = z.object({});

export const authSettingsAnswer = z.object({
  external: z.record(z.string(), z.boolean()),
  disable_signup: z.boolean(),
  mailer_autoconfirm: z.boolean(),
  phone_autoconfirm: z.boolean(),
  sms_provider: z.string(),
  saml_enabled: z.boolean(),
});

export const authHealthAnswer = z.object({ name: z.string(), version: z.string(), description: z.string() });

/** RFC 7517, 5. */
export const jwksAnswer = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string(), use: z.literal('sig') })),
});

/** OpenID Connect Discovery 1.0 and RFC 8414, as far as there is something to discover. */
export const openidConfigurationAnswer = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  device_authorization_endpoint: z.string(),
  userinfo_endpoint: z.string(),
  grant_types_supported: z.array(z.string()),
  response_types_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  id_token_signing_alg_values_supported: z.array(z.string()),
  code_challenge_methods_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
});
