import {
  startNats,
  startPostgres,
  startService,
  type TestService,
  waitFor,
} from '@switchboard/stack/testing';
import pg from 'pg';

/** TERMINOLOGY — *platform*: Postgres, NATS and every service, each a process of its own that can be killed. */
export interface Platform {
  readonly gatewayUrl: string;
  readonly postgres: Awaited<ReturnType<typeof startPostgres>>;
  readonly nats: Awaited<ReturnType<typeof startNats>>;
  readonly services: Readonly<Record<PlatformService, TestService>>;
  /** Runs SQL as the owner of the database, as an operator would. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  createKey(options?: KeyOptions): Promise<PartnerCredentials>;
  stop(): Promise<void>;
}

export const platformServices = ['partner-service', 'ai-service', 'webhook-dispatcher', 'gateway'] as const;
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

export const WEBHOOK_SECRET = 'a-webhook-secret-that-only-tests-know-0123456789';
const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-that-only-tests-know-01';

export const recordingPath = (name: string): string =>
  new URL(`../../examples/recordings/${name}`, import.meta.url).pathname;

/**
 * Starts the whole platform on throw-away data, as `npm start` would.
 *
 * @param env variables of single services, beside what all of them need
 */
export const startPlatform = async (
  env: Partial<Record<PlatformService, Readonly<Record<string, string>>>> = {},
): Promise<Platform> => {
  const [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
  const shared = {
    NATS_URL: nats.url,
    INTERNAL_TOKEN_SECRET,
    WEBHOOK_SECRET,
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    PARTNER_API_ENABLED: 'true',
    DRAIN_SECONDS: '1',
    LOG_LEVEL: 'warn',
  };
  const partner = await startService('partner-service', {
    ...shared,
    DATABASE_URL: postgres.urlFor('partner'),
    ...env['partner-service'],
  });
  const ai = await startService('ai-service', {
    ...shared,
    DATABASE_URL: postgres.urlFor('ai'),
    LLM_DISCOVERY: 'false',
    ...env['ai-service'],
  });
  const dispatcher = await startService('webhook-dispatcher', {
    ...shared,
    DATABASE_URL: postgres.urlFor('webhooks'),
    ...env['webhook-dispatcher'],
  });
  const gateway = await startService('gateway', {
    ...shared,
    PARTNER_SERVICE_URL: partner.url,
    AI_SERVICE_URL: ai.url,
    WEBHOOK_DISPATCHER_URL: dispatcher.url,
    ...env.gateway,
  });
  const services = {
    'partner-service': partner,
    'ai-service': ai,
    'webhook-dispatcher': dispatcher,
    gateway,
  };
  await Promise.all(Object.values(services).map((service) => service.waitReady(60_000)));

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

  return {
    gatewayUrl: gateway.url,
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
    async stop() {
      await Promise.allSettled([gateway.stop(), partner.stop(), ai.stop(), dispatcher.stop()]);
      await nats.stop();
      await postgres.stop();
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
    const response = await fetch(`${gatewayUrl}/api/partner/v1${path}`, {
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
    waitForJob: (jobId: string, timeoutMs = 120_000) =>
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
