import { type ServiceName, serviceNames, services } from '@switchboard/contracts';
import {
  booleanField,
  busBlock,
  type EnvVariables,
  internalTokenBlock,
  listField,
  loadConfig,
  logBlock,
  numberField,
  secondsField,
  secretField,
  serverBlock,
  setting,
  telemetryBlock,
  textField,
  urlField,
} from '@switchboard/service-kit';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { realtimeBlock } from './realtime/config.ts';

/** Names that Fastify's `trustProxy` knows besides addresses and ranges. */
const PROXY_WORDS = ['loopback', 'linklocal', 'uniquelocal'];

const trustedProxiesField = () =>
  listField().refine(
    (words) =>
      words.every((word) => PROXY_WORDS.includes(word) || ipaddr.isValid(word) || ipaddr.isValidCIDR(word)),
    `must be addresses, CIDR ranges or the words ${PROXY_WORDS.join(', ')}, divided by commas`,
  );

const originsField = () =>
  listField().refine(
    (words) => words.every((word) => word === '*' || (URL.canParse(word) && new URL(word).origin === word)),
    'must be * or origins such as https://app.example.com, divided by commas, without a path',
  );

const serviceUrl = (service: ServiceName) =>
  setting(
    `${service.toUpperCase().replaceAll('-', '_')}_URL`,
    urlField().default(`http://127.0.0.1:${services[service].port}`),
    { description: `Where the gateway reaches ${service}` },
  );

const urlsByService: Record<string, z.ZodType<string>> = Object.fromEntries(
  serviceNames.map((service) => [service, serviceUrl(service)]),
);

/** Every setting of the gateway, by feature. */
export const configSchema = z.object({
  server: serverBlock({ port: 3000, shutdownSeconds: 30 }),
  log: logBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  edge: z.object({
    publicUrl: setting('PUBLIC_URL', urlField().optional(), {
      description: 'How callers reach the gateway; shown in the API document',
      example: 'https://api.example.com',
    }),
    corsOrigins: setting('CORS_ORIGINS', originsField().default(['*']), {
      description: 'Origins whose pages may call the API, divided by commas; * is every one',
    }),
    trustProxy: setting('TRUST_PROXY', trustedProxiesField().default([]), {
      description:
        'Proxies whose X-Forwarded-* headers are believed: addresses, CIDR ranges, loopback, linklocal, uniquelocal',
    }),
    demoPages: setting('DEMO_PAGES', booleanField().default(false), {
      description: 'true serves /demo/call, a telephone in a page to try calls with',
    }),
  }),
  surfaces: z.object({
    partner: setting('PARTNER_API_ENABLED', booleanField().default(true), {
      description: 'false answers 503 on /api/partner/v1',
    }),
  }),
  credentials: z.object({
    cacheSeconds: setting('CREDENTIAL_CACHE_SECONDS', secondsField({ min: 0, max: 300 }).default(15), {
      description: 'A verified key is asked about again after this time; revocations are heard at once',
    }),
    staleSeconds: setting('CREDENTIAL_STALE_SECONDS', secondsField({ min: 0, max: 3600 }).default(60), {
      description: 'For this much longer it is still taken while nobody can be asked',
    }),
    refusedPerMinute: setting('CREDENTIAL_REFUSALS_PER_MINUTE', numberField({ min: 1 }).default(30), {
      description:
        'After this many refused credentials an address gets 429 for a minute, but for known good keys',
    }),
  }),
  accepted: z.object({
    anonKey: setting('ANON_KEY', textField().optional(), {
      description: 'Public key of programs that nobody has signed in to, as Supabase clients send it: apikey',
    }),
    supabaseUrl: setting('SUPABASE_URL', urlField().optional(), {
      description: 'A Supabase project whose users are taken too; its public keys are read from here',
      example: 'https://abcdefghijklmnop.supabase.co',
    }),
    supabaseJwtSecret: setting('SUPABASE_JWT_SECRET', secretField(32).optional(), {
      description: 'The secret of that project, when it signs its tokens with HS256',
      secret: true,
    }),
    environmentKey: setting('API_KEY', textField().optional(), {
      description: 'The key of the API key pair that the environment gives; it may be of any form',
    }),
    stripeSecret: setting('STRIPE_WEBHOOK_SECRET', textField().optional(), {
      description: 'Stripe signs its webhooks with this (whsec_…)',
      secret: true,
    }),
    elevenlabsSecret: setting('ELEVENLABS_WEBHOOK_SECRET', textField().optional(), {
      description: 'ElevenLabs signs its webhooks with this (wsec_…)',
      secret: true,
    }),
    secretScanningKeysUrl: setting(
      'SECRET_SCANNING_KEYS_URL',
      urlField().default('https://api.github.com/meta/public_keys/secret_scanning'),
      { description: 'Where GitHub publishes the keys that sign its reports of leaked secrets' },
    ),
  }),
  limits: z.object({
    redisUrl: setting('REDIS_URL', urlField(['redis', 'rediss']).optional(), {
      description:
        'Redis or Valkey that counts requests for all gateways together; needed with more than one',
      example: 'redis://127.0.0.1:6379',
      secret: true,
    }),
  }),
  upstream: z.object({
    waitSeconds: setting('UPSTREAM_WAIT_SECONDS', secondsField({ min: 0, max: 60 }).default(10), {
      description: 'A request waits this long for a service that restarts, then gets 503',
    }),
    waitingMax: setting('UPSTREAM_WAITING_MAX', numberField({ min: 0 }).default(1000), {
      description: 'Most requests that wait for one service at a time',
    }),
    connectionsMax: setting('UPSTREAM_CONNECTIONS_MAX', numberField({ min: 1 }).default(1024), {
      description:
        'Most connections to one service; of those to ticket-service, 256 of each process may wait for changes',
    }),
  }),
  realtime: realtimeBlock,
  services: z.object(urlsByService),
});

export type GatewayConfig = z.output<typeof configSchema>;

/** Throws ConfigError naming every faulty variable. */
export const loadGatewayConfig = (env: EnvVariables = process.env): GatewayConfig =>
  loadConfig(configSchema, env);
