import { z } from 'zod';
import { apiKeyPrincipalSchema, userRoleSchema } from '../credentials/principal.ts';
import { timestampSchema } from '../fields.ts';
import { defineRpc } from '../rpc.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A public key as a JWK (RFC 7517). */
export const publicJwkSchema = z.looseObject({
  kty: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.literal('sig'),
});
export type PublicJwk = z.infer<typeof publicJwkSchema>;

export const identityRpcs = {
  signingKeys: defineRpc({
    subject: 'rpc.identity.signing_keys',
    owner: 'identity-service',
    summary: 'The public keys that access tokens are signed with, and what their iss and aud must be.',
    request: z.object({}),
    reply: z.object({ issuer: z.string(), audience: z.string(), keys: z.array(publicJwkSchema) }),
  }),
  checkSession: defineRpc({
    subject: 'rpc.identity.check_session',
    owner: 'identity-service',
    summary:
      'Is the session of an access token whose signature is good still open, and who is its user now? The reason of a refusal is for logs.',
    request: z.object({
      origin: z.enum(['local', 'external']),
      user_id: z.uuid(),
      /** Of local tokens always there. */
      session_id: z.string().nullable(),
      issued_at: timestampSchema,
      /** What an external token says of its user; local users are known. */
      email: z.string().nullable(),
      role: userRoleSchema.nullable(),
    }),
    reply: z.discriminatedUnion('ok', [
      z.object({
        ok: z.literal(true),
        email: z.string().nullable(),
        role: userRoleSchema,
        business_id: z.string().nullable(),
      }),
      z.object({
        ok: z.literal(false),
        reason: z.enum(['unknown_user', 'unknown_session', 'session_ended', 'signed_out', 'disabled']),
      }),
    ]),
  }),
  verifyApiKey: defineRpc({
    subject: 'rpc.identity.verify_api_key',
    owner: 'identity-service',
    summary: 'Is this pair good? Only hashes travel. The reason of a refusal is for logs, never for callers.',
    request: z.object({ key_hash: sha256, secret_hash: sha256 }),
    reply: z.discriminatedUnion('ok', [
      z.object({
        ok: z.literal(true),
        principal: apiKeyPrincipalSchema,
        allowed_ips: z.array(z.string()),
        rate_limit_per_minute: z.number().int().positive(),
        /** When the pair stops being good: the key's expiry, or the end of a rotated secret's overlap. */
        valid_until: timestampSchema.nullable(),
      }),
      z.object({
        ok: z.literal(false),
        reason: z.enum(['unknown_key', 'wrong_secret', 'disabled', 'revoked', 'expired']),
        key_id: z.uuid().nullable(),
      }),
    ]),
  }),
  findUser: defineRpc({
    subject: 'rpc.identity.find_user',
    owner: 'identity-service',
    summary: 'Who is this user, for a service that gives people work to do; null where there is none.',
    request: z.object({ user_id: z.uuid() }),
    reply: z.object({
      user: z
        .object({
          id: z.uuid(),
          email: z.string().nullable(),
          name: z.string().nullable(),
          role: userRoleSchema,
          disabled: z.boolean(),
        })
        .nullable(),
    }),
  }),
};
