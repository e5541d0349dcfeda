import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  freePort,
  startNats,
  startPostgres,
  startService,
  type TestService,
  waitFor,
} from '@switchboard/stack/testing';
import pg from 'pg';
import { fetchPatiently } from './fetch-patiently.ts';

/** TERMINOLOGY — *platform*: Postgres, NATS and every service, each a process of its own that can be killed. */
export interface Platform {
  readonly gatewayUrl: string;
  readonly anonKey: string;
  /** What a service was started with, but for its port: to start a second one like it. */
  environmentOf(service: PlatformService): Readonly<Record<string, string>>;
  readonly postgres: Awaited<ReturnType<typeof startPostgres>>;
  readonly nats: Awaited<ReturnType<typeof startNats>>;
  readonly services: Readonly<Record<PlatformService, TestService>>;
  /** Runs SQL as the owner of the database, as an operator would. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  createKey(options?: KeyOptions): Promise<PartnerCredentials>;
  /** An access token of the first administrator, a super_admin; the same one each time. */
  admin(): Promise<string>;
  /** Asks the administration API as that administrator; throws when the answer is not 2xx. */
  administer(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  createUser(options?: UserOptions): Promise<UserCredentials>;
  createApiKey(options?: Record<string, unknown>): Promise<ApiKeyCredentials>;
  createIntegrationToken(options?: Record<string, unknown>): Promise<IntegrationTokenCredentials>;
  /** Signs in with e-mail and password, as a program that knows the anon key. */
  signIn(login: { readonly email: string; readonly password: string }): Promise<SessionTokens>;
  stop(): Promise<void>;
}

export const platformServices = [
  'identity-service',
  'call-service',
  'partner-service',
  'ticket-service',
  'ai-service',
  'webhook-dispatcher',
  'gateway',
] as const;
/** What the main job of partners has no use for: their keys are made in SQL (`createKey`). */
export const besideTheMainJob = [
  'identity-service',
  'call-service',
  'ticket-service',
] as const satisfies readonly PlatformService[];
export type PlatformService = (typeof platformServices)[number];

export interface PartnerCredentials {
  readonly keyId: string;
  readonly key: string;
  readonly secret: string;
  readonly webhookSecret: string;
}

export interface KeyOptions {
  readonly partnerName?: string;
  readonly environment?: 'sandbox' | 'production';
  readonly companyId?: string | null;
}

export interface UserOptions {
  readonly email?: string;
  readonly role?: 'user' | 'agent' | 'admin' | 'super_admin';
}

export interface UserCredentials extends SessionTokens {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export interface SessionTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface ApiKeyCredentials {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

export interface IntegrationTokenCredentials {
  readonly id: string;
  readonly token: string;
}

/** As a Supabase project has one; what signs it is nobody's business. */
const ANON_KEY = [
  Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url'),
  Buffer.from('{"iss":"switchboard","role":"anon","iat":1767225600,"exp":2082758400}').toString('base64url'),
  Buffer.from('signature-of-a-key-for-tests-only').toString('base64url'),
].join('.');
const ADMIN = { email: 'admin@example.com', password: 'a-password-that-only-tests-know' };
const USER_PASSWORD = 'another-password-that-only-tests-know';

export const WEBHOOK_SECRET = 'a-webhook-secret-that-only-tests-know-0123456789';
const IDENTITY_ENCRYPTION_KEY = 'an-identity-encryption-key-that-only-tests-know';
const WEBHOOK_ENCRYPTION_KEY = 'a-webhook-encryption-key-that-only-tests-know';
const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-that-only-tests-know-01';

export const recordingPath = (name: string): string =>
  new URL(`../../examples/recordings/${name}`, import.meta.url).pathname;

/**
 * Starts the whole platform on throw-away data, as `npm start` would.
 *
 * @param env variables of single services, beside what all of them need
 * @param options.without services that the test has no use for; whoever asks for one finds it ended
 * @param options.durable Postgres writes through to the disk, as in production
 */
export const startPlatform = async (
  env: Partial<Record<PlatformService, Readonly<Record<string, string>>>> = {},
  options: { readonly without?: readonly PlatformService[]; readonly durable?: boolean } = {},
): Promise<Platform> => {
  const { without = [], durable = false } = options;
  const [postgres, nats] = await Promise.all([startPostgres({ durable }), startNats()]);
  const shared = {
    NATS_URL: nats.url,
    INTERNAL_TOKEN_SECRET,
    WEBHOOK_SECRET,
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    PARTNER_API_ENABLED: 'true',
    DRAIN_SECONDS: '1',
    LOG_LEVEL: 'warn',
  };
  const storageDirectory = await mkdtemp(join(tmpdir(), 'switchboard-files-'));
  const environments: Partial<Record<PlatformService, Readonly<Record<string, string>>>> = {};
  const start = async (service: PlatformService, own: Readonly<Record<string, string>>) => {
    const environment = { ...shared, ...own, ...env[service] };
    environments[service] = environment;
    const started = await startService(service, environment);
    if (without.includes(service)) await started.kill();
    return started;
  };
  const identity = await start('identity-service', {
    DATABASE_URL: postgres.urlFor('identity'),
    IDENTITY_ENCRYPTION_KEY,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    MAIL_PRINT: 'true',
  });
  const gatewayPort = env.gateway?.PORT ?? String(await freePort());
  const publicUrl = env.gateway?.PUBLIC_URL ?? `http://127.0.0.1:${gatewayPort}`;
  const calls = await start('call-service', {
    DATABASE_URL: postgres.urlFor('calls'),
    PUBLIC_URL: publicUrl,
    CALL_MEDIA_ADDRESSES: '127.0.0.1',
  });
  const partner = await start('partner-service', { DATABASE_URL: postgres.urlFor('partner') });
  const tickets = await start('ticket-service', {
    DATABASE_URL: postgres.urlFor('tickets'),
    PUBLIC_URL: publicUrl,
    STORAGE_DIRECTORY: storageDirectory,
  });
  const ai = await start('ai-service', { DATABASE_URL: postgres.urlFor('ai'), LLM_DISCOVERY: 'false' });
  const dispatcher = await start('webhook-dispatcher', {
    DATABASE_URL: postgres.urlFor('webhooks'),
    WEBHOOK_ENCRYPTION_KEY,
  });
  const gateway = await start('gateway', {
    PORT: gatewayPort,
    ANON_KEY,
    CALL_SERVICE_URL: calls.url,
    IDENTITY_SERVICE_URL: identity.url,
    PARTNER_SERVICE_URL: partner.url,
    TICKET_SERVICE_URL: tickets.url,
    AI_SERVICE_URL: ai.url,
    WEBHOOK_DISPATCHER_URL: dispatcher.url,
  });
  const services = {
    'identity-service': identity,
    'call-service': calls,
    'partner-service': partner,
    'ticket-service': tickets,
    'ai-service': ai,
    'webhook-dispatcher': dispatcher,
    gateway,
  };
  const started = platformServices.filter((name) => !without.includes(name));
  await Promise.all(started.map((name) => services[name].waitReady(60_000)));

  const query = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) => {
    const client = new pg.Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    try {
      await client.query('set search_path = partner');
      await client.query("select set_config('switchboard.webhook_secret', $1, false)", [WEBHOOK_SECRET]);
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  };

  const ask = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<Record<string, unknown>> => {
    const response = await fetchPatiently(`${gateway.url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  const signIn: Platform['signIn'] = async ({ email, password }) => {
    const answer = await ask(
      'POST',
      '/auth/v1/token?grant_type=password',
      { apikey: ANON_KEY },
      { email, password },
    );
    return { accessToken: String(answer.access_token), refreshToken: String(answer.refresh_token) };
  };
  let adminSession: Promise<SessionTokens> | undefined;
  const admin = async () => {
    adminSession ??= signIn(ADMIN);
    return (await adminSession).accessToken;
  };
  const administer: Platform['administer'] = async (method, path, body) =>
    ask(method, `/api/admin/v1${path}`, { authorization: `Bearer ${await admin()}` }, body);
  let usersMade = 0;

  return {
    gatewayUrl: gateway.url,
    anonKey: ANON_KEY,
    environmentOf(service) {
      const { PORT: _itsOwn, ...environment } = environments[service] ?? {};
      return environment;
    },
    postgres,
    nats,
    services,
    query,
    async createKey({
      partnerName = 'CompanyX Call Center',
      environment = 'sandbox',
      companyId = null,
    } = {}) {
      const [row] = await query<{
        key_id: string;
        api_key: string;
        api_secret: string;
        webhook_secret: string;
      }>('select * from generate_partner_api_key($1, $2, $3, 365)', [partnerName, environment, companyId]);
      if (!row) throw new Error('generate_partner_api_key gave nothing');
      return {
        keyId: row.key_id,
        key: row.api_key,
        secret: row.api_secret,
        webhookSecret: row.webhook_secret,
      };
    },
    admin,
    administer,
    signIn,
    async createUser({ email, role = 'user' } = {}) {
      usersMade += 1;
      const login = { email: email ?? `user-${usersMade}@example.com`, password: USER_PASSWORD };
      const made = await administer('POST', '/users', { ...login, role });
      return { ...login, id: String(made.id), ...(await signIn(login)) };
    },
    async createApiKey(options = {}) {
      const made = await administer('POST', '/api-keys', { name: 'Test', ...options });
      return { id: String(made.id), key: String(made.api_key), secret: String(made.api_secret) };
    },
    async createIntegrationToken(options = {}) {
      const made = await administer('POST', '/integration-tokens', { name: 'Test', ...options });
      return { id: String(made.id), token: String(made.token) };
    },
    async stop() {
      await Promise.allSettled(Object.values(services).map((service) => service.stop()));
      await nats.stop();
      await postgres.stop();
      await rm(storageDirectory, { recursive: true, force: true });
    },
  };
};

export interface PartnerAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A partner's own client: the two headers of the guide, JSON in and out. */
export const createPartnerClient = (gatewayUrl: string, credentials: PartnerCredentials) => {
  const headers = {
    authorization: `Bearer ${credentials.key}`,
    'x-api-secret': credentials.secret,
  };
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<PartnerAnswer> => {
    const response = await fetchPatiently(`${gatewayUrl}/api/partner/v1${path}`, {
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...extra,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    get: (path: string) => call('GET', path),
    post: (path: string, body?: unknown, extra?: Readonly<Record<string, string>>) =>
      call('POST', path, body, extra),
    call,
    /** Makes a company with one agent. */
    async createCompanyWithAgent(name = 'Test Company') {
      const company = await call('POST', '/companies/create', {
        name,
        industry: 'retail',
        contact_email: 'admin@testcompany.com',
      });
      const { company_id } = JSON.parse(company.text) as { company_id: string };
      const agent = await call('POST', `/companies/${company_id}/agents/create`, {
        email: 'agent@testcompany.com',
        name: 'John Doe',
      });
      const { agent_id } = JSON.parse(agent.text) as { agent_id: string };
      return { company_id, agent_id };
    },
    /** Polls a job until it is over. */
    waitForJob: (jobId: string, timeoutMs = 240_000) =>
      waitFor(
        async () => {
          const answer = await call('GET', `/jobs/${jobId}/status`);
          const job = JSON.parse(answer.text) as FinishedJob;
          return ['completed', 'failed', 'cancelled'].includes(job.status) ? job : undefined;
        },
        { what: `job ${jobId} to be over`, timeoutMs, intervalMs: 150 },
      ),
  };
};
export type PartnerClient = ReturnType<typeof createPartnerClient>;

export interface FinishedJob {
  readonly job_id: string;
  readonly status: string;
  readonly progress: number;
  readonly call_id?: string;
  readonly completed_at: string | null;
  readonly error_message?: string;
  readonly error_details?: { readonly code: string };
  readonly results?: {
    readonly transcript: string | null;
    readonly segments: readonly { start_s: number; end_s: number; speaker: string; text: string }[];
    readonly tone_analysis: {
      readonly speakers: readonly { speaker: string; pitch: { median_hz: number | null } }[];
    };
    readonly content_analysis: object | null;
    readonly overall_score: number;
    readonly engines: { readonly transcription: { readonly engine: string } | null };
  };
}
