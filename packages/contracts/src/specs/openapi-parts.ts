import type { CredentialKind } from '../credentials/principal.ts';

/** What every document says about headers and credentials, apart from the routes. */

const whole = { type: 'integer', minimum: 0 };

export const headerComponents = {
  'X-Request-Id': {
    description: 'Names the request in logs: yours if you sent a sane one, else ours',
    schema: { type: 'string' },
  },
  'X-RateLimit-Limit': { description: 'Requests in a window', schema: whole },
  'X-RateLimit-Remaining': { description: 'Requests left in this window', schema: whole },
  'X-RateLimit-Reset': { description: 'When the window ends, epoch seconds', schema: whole },
  'RateLimit-Policy': {
    description: 'IETF: the quota `q` per window of `w` seconds',
    schema: { type: 'string' },
    example: '"partner";q=1000;w=60',
  },
  RateLimit: {
    description: 'IETF: `r` requests remain, the window ends in `t` seconds',
    schema: { type: 'string' },
    example: '"partner";r=999;t=60',
  },
  'Retry-After': { description: 'Seconds to wait before the next try', schema: whole },
  'Idempotent-Replay': {
    description: '`true` when this is the answer of an earlier request with the same idempotency key',
    schema: { type: 'string', const: 'true' },
  },
} as const;

export const limitHeaders = [
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit-Policy',
  'RateLimit',
] as const;

export const securitySchemes = {
  partnerKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'pk_sandbox_… or pk_production_…',
    description: 'The key of a partner key pair',
  },
  partnerSecret: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Secret',
    description: 'The secret of a partner key pair, sk_…',
  },
} as const;

/** Which schemes a credential kind needs together. A kind that no route takes yet needs no entry. */
export const credentialSecurity: Readonly<
  Partial<Record<CredentialKind, Record<string, readonly string[]>>>
> = {
  partner_key: { partnerKey: [], partnerSecret: [] },
};
