import type { CredentialKind, ProviderName } from '../credentials/principal.ts';
import type { RouteContract } from '../route.ts';

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
  Upgrade: { description: 'What to ask for', schema: { type: 'string', const: 'websocket' } },
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
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access token of somebody who signed in',
  },
  anonKey: {
    type: 'apiKey',
    in: 'header',
    name: 'apikey',
    description: 'The public key of programs that nobody has signed in to',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The key of an API key pair, ak_…',
  },
  apiSecret: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Secret',
    description: 'The secret of an API key pair, as_…',
  },
  integrationToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'stk_…',
    description: 'A token of the tickets API',
  },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'Part of a URL that an answer contained, tk_…',
  },
  stripeSignature: { type: 'apiKey', in: 'header', name: 'Stripe-Signature', description: 'Made by Stripe' },
  elevenlabsSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'elevenlabs-signature',
    description: 'Made by ElevenLabs',
  },
  githubKey: {
    type: 'apiKey',
    in: 'header',
    name: 'Github-Public-Key-Identifier',
    description: 'Names the key of GitHub that signed the report',
  },
  githubSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'Github-Public-Key-Signature',
    description: 'ECDSA over the body, base64',
  },
} as const;

type Requirement = Readonly<Record<string, readonly string[]>>;

const credentialSecurity: Readonly<Record<Exclude<CredentialKind, 'provider'>, Requirement>> = {
  user: { userToken: [] },
  anon: { anonKey: [] },
  api_key: { apiKey: [], apiSecret: [] },
  integration_token: { integrationToken: [] },
  partner_key: { partnerKey: [], partnerSecret: [] },
  ticket: { ticket: [] },
};

const providerSecurity: Readonly<Record<ProviderName, Requirement>> = {
  stripe: { stripeSignature: [] },
  elevenlabs: { elevenlabsSignature: [] },
  github: { githubKey: [], githubSignature: [] },
};

/** Which schemes each credential that a route takes needs together. */
export const securityOf = ({ id, credentials, provider }: RouteContract): readonly Requirement[] =>
  credentials.map((kind) => {
    if (kind !== 'provider') return credentialSecurity[kind];
    if (provider === undefined) throw new TypeError(`${id} does not say whose signature it takes`);
    return providerSecurity[provider];
  });
