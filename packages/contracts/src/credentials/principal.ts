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

/** Roles of users, `app_metadata.role` of their tokens. */
export const userRoles = ['user', 'agent', 'admin', 'super_admin'] as const;
export const userRoleSchema = z.enum(userRoles);
export type UserRole = z.infer<typeof userRoleSchema>;

export const userPrincipalSchema = z.object({
  kind: z.literal('user'),
  user_id: z.uuid(),
  email: z.string().nullable(),
  role: userRoleSchema,
  business_id: z.string().nullable(),
  /** Null: a token of an external Supabase project that names no session. */
  session_id: z.string().nullable(),
  /** `external`: the token is of the Supabase project that SUPABASE_URL or SUPABASE_JWT_SECRET names. */
  origin: z.enum(['local', 'external']),
});
export type UserPrincipal = z.infer<typeof userPrincipalSchema>;

/** A program that nobody has signed in to. */
export const anonPrincipalSchema = z.object({ kind: z.literal('anon') });

export const apiKeyPrincipalSchema = z.object({
  kind: z.literal('api_key'),
  key_id: z.uuid(),
  /** Whose calls it sees: keys of one account share them. */
  account_id: z.uuid(),
});
export type ApiKeyPrincipal = z.infer<typeof apiKeyPrincipalSchema>;

export const integrationTokenPrincipalSchema = z.object({
  kind: z.literal('integration_token'),
  token_id: z.uuid(),
  token_name: z.string(),
  owner_user_id: z.uuid().nullable(),
  /** `["*"]`, or patterns such as `POST /tickets` and `GET /tickets/*`. */
  allowed_endpoints: z.array(z.string()),
});
export type IntegrationTokenPrincipal = z.infer<typeof integrationTokenPrincipalSchema>;

export const ticketPrincipalSchema = z.object({
  kind: z.literal('ticket'),
  ticket_id: z.uuid(),
  /** The one thing that it opens. */
  resource: z.object({ type: z.string(), id: z.string() }),
  /** Whoever got it from us: an account, a user. */
  owner_id: z.string(),
  /** Which of its connections this one is, from 1: a later one ends it. */
  use: z.int().min(1),
});
export type TicketPrincipal = z.infer<typeof ticketPrincipalSchema>;

export const providerNames = ['stripe', 'elevenlabs', 'github'] as const;
export type ProviderName = (typeof providerNames)[number];
export const providerPrincipalSchema = z.object({
  kind: z.literal('provider'),
  provider: z.enum(providerNames),
});

/** Every kind of principal. */
export const principalSchema = z.discriminatedUnion('kind', [
  userPrincipalSchema,
  anonPrincipalSchema,
  apiKeyPrincipalSchema,
  integrationTokenPrincipalSchema,
  partnerPrincipalSchema,
  ticketPrincipalSchema,
  providerPrincipalSchema,
]);
export type Principal = z.infer<typeof principalSchema>;

/** What names a principal in logs, limits and request records: never a secret. */
export const principalId = (principal: Principal): string => {
  switch (principal.kind) {
    case 'user':
      return principal.user_id;
    case 'anon':
      return 'anon';
    case 'integration_token':
      return principal.token_id;
    case 'ticket':
      return principal.ticket_id;
    case 'provider':
      return principal.provider;
    default:
      return principal.key_id;
  }
};

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
