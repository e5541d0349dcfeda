import { z } from 'zod';

/** TERMINOLOGY — *credential*: what a caller presents. *Principal*: who it turned out to be. */
export const credentialKinds = [
  'user',
  'anon',
  'api_key',
  'integration_token',
  'partner_key',
  'ticket',
  'provider',
] as const;
export type CredentialKind = (typeof credentialKinds)[number];

export const environmentSchema = z.enum(['sandbox', 'production']);
export type Environment = z.infer<typeof environmentSchema>;

export const partnerPermissions = [
  'companies.read',
  'companies.write',
  'agents.read',
  'agents.write',
  'calls.analyze',
  'jobs.read',
] as const;
export type PartnerPermission = (typeof partnerPermissions)[number];

/** `{"all":true}` or a list of permissions (spec: partner, "Permissions"). */
export const permissionsSchema = z.union([
  z.object({ all: z.literal(true) }),
  z.array(z.enum(partnerPermissions)),
]);
export type Permissions = z.infer<typeof permissionsSchema>;

export const partnerPrincipalSchema = z.object({
  kind: z.literal('partner_key'),
  key_id: z.uuid(),
  partner_id: z.uuid(),
  partner_name: z.string(),
  environment: environmentSchema,
  company_id: z.uuid().nullable(),
  permissions: permissionsSchema,
});
export type PartnerPrincipal = z.infer<typeof partnerPrincipalSchema>;

/** Every kind of principal; the other kinds come with their surfaces. */
export const principalSchema = z.discriminatedUnion('kind', [partnerPrincipalSchema]);
export type Principal = z.infer<typeof principalSchema>;

/** What names a principal in logs, limits and request records: never a secret. */
export const principalId = (principal: Principal): string => principal.key_id;

export const hasPermission = (permissions: Permissions, needed: PartnerPermission): boolean =>
  Array.isArray(permissions) ? permissions.includes(needed) : permissions.all;

/** Claims of the internal token that the gateway mints per principal, service and minute. */
export const internalTokenClaimsSchema = z.object({
  sub: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  principal: principalSchema,
});
export type InternalTokenClaims = z.infer<typeof internalTokenClaimsSchema>;

export const INTERNAL_TOKEN_HEADER = 'x-internal-token';
export const INTERNAL_TOKEN_ISSUER = 'switchboard-gateway';
/** Life of an internal token. A request may be accepted at the end of its minute and travel a while. */
export const INTERNAL_TOKEN_SECONDS = 120;
