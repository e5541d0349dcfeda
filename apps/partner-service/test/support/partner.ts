import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import {
  type Clock,
  createUuidV7Ids,
  hashKey,
  INTERNAL_TOKEN_HEADER,
  type PartnerPrincipal,
  systemClock,
} from '@switchboard/contracts';
import { createDatabase, createDataContext, startOutboxRelay } from '@switchboard/db';
import {
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
} from '@switchboard/service-kit';
import { createTestDatabase, resetNats, testNatsUrl } from '@switchboard/stack/testing';
import type { FastifyInstance, InjectOptions } from 'fastify';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import { startConsumers } from '../../src/consumers/index.ts';
import type { Data } from '../../src/domain/database.ts';
import { verifyKey } from '../../src/domain/keys/verify-key.ts';
import { startResponders } from '../../src/responders/index.ts';
import { createUploadBudget, type UploadBudget } from '../../src/upload-budget.ts';

export const WEBHOOK_SECRET = 'a-webhook-secret-for-tests-of-enough-length';
const TOKEN_SECRET = 'an-internal-token-secret-of-enough-length-for-tests';

export interface MadeKey {
  readonly keyId: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly webhookSecret: string | null;
  readonly principal: PartnerPrincipal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number | string[] | undefined>;
  readonly body: Record<string, unknown> & {
    error?: { code: string; message: string; details: Record<string, unknown> };
  };
}

export interface CallOptions {
  readonly body?: unknown;
  readonly raw?: InjectOptions['payload'];
  readonly headers?: Record<string, string>;
}

export interface TestPartner {
  readonly app: FastifyInstance;
  readonly data: Data;
  readonly bus: Bus;
  readonly owner: pg.Client;
  readonly urls: { readonly owner: string; readonly admin: string };
  readonly uploads: UploadBudget;
  makeKey(options?: {
    readonly partner?: string;
    readonly environment?: 'sandbox' | 'production';
    readonly companyId?: string;
  }): Promise<MadeKey>;
  call(key: MadeKey, method: 'GET' | 'POST' | 'PUT', path: string, options?: CallOptions): Promise<Answer>;
  /** A company with one agent, of the key's environment. */
  makeCompany(key: MadeKey, name?: string): Promise<{ companyId: string; agentId: string }>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** The whole service in this process, on a database and a NATS account of the test's own. */
export const startTestPartner = async (
  options: {
    readonly clock?: Clock;
    readonly consumers?: boolean;
    readonly enabled?: boolean;
    readonly allowPrivateTargets?: boolean;
    readonly uploadBytesMax?: number;
  } = {},
): Promise<TestPartner> => {
  const { clock = systemClock, enabled = true, allowPrivateTargets = false } = options;
  await resetNats();
  const testDatabase = await createTestDatabase();
  const database = createDatabase({
    url: testDatabase.urlFor('partner'),
    schema: 'partner',
    applicationName: 'partner-test',
    log: silentLog,
  });
  const bus = await connectBus({ url: testNatsUrl(), name: 'partner-test', log: silentLog });
  const ids = createUuidV7Ids(clock);
  const data = createDataContext({ database, source: 'partner-service', clock, ids, log: silentLog });
  const relay = startOutboxRelay(data, { bus });
  if (options.consumers) startConsumers(data, bus);
  startResponders(bus, { db: database.db, clock, enabled, log: silentLog });
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();

  const uploads = createUploadBudget({
    bytesMax: options.uploadBytesMax ?? 128 * 1024 * 1024,
    waitSeconds: 20,
  });
  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock });
  const app = buildApp({
    config: { partner: { enabled, webhookSecret: WEBHOOK_SECRET, allowPrivateTargets } },
    data,
    database,
    bus,
    uploads,
    http: {
      config: { requestTimeoutSeconds: 60, idleTimeoutSeconds: 60, keepAliveSeconds: 60 },
      log: createLog({ service: 'partner-test', level: 'silent' }),
      clock,
      ids,
      metrics: createMetrics({ service: 'partner-test' }),
      tracing: createIdTracing(),
      readiness: createReadiness(),
      verifyInternalToken: createInternalTokenVerifier({
        secrets: [TOKEN_SECRET],
        service: 'partner-service',
        clock,
      }),
    },
  });
  await app.ready();

  const call: TestPartner['call'] = async (key, method, path, { body, raw, headers } = {}) => {
    const answer = await app.inject({
      method,
      url: `/api/partner/v1${path}`,
      headers: {
        [INTERNAL_TOKEN_HEADER]: mint(key.principal, 'partner-service'),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(raw === undefined && body === undefined ? {} : { payload: raw ?? JSON.stringify(body) }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };

  return {
    app,
    data,
    bus,
    owner,
    uploads,
    urls: { owner: testDatabase.ownerUrl, admin: testDatabase.adminUrl },
    call,
    async makeKey({ partner = 'CompanyX Call Center', environment = 'sandbox', companyId } = {}) {
      await owner.query("SELECT set_config('switchboard.webhook_secret', $1, false)", [WEBHOOK_SECRET]);
      const made = await owner.query('SELECT * FROM partner.generate_partner_api_key($1, $2, $3)', [
        partner,
        environment,
        companyId ?? null,
      ]);
      const row = made.rows[0];
      const verdict = await verifyKey(
        database.db,
        { key_hash: hashKey(row.api_key), secret_hash: hashKey(row.api_secret) },
        { clock: systemClock, enabled: true },
      );
      if (!verdict.ok) throw new Error(`the new key is refused: ${verdict.reason}`);
      return {
        keyId: row.key_id,
        apiKey: row.api_key,
        apiSecret: row.api_secret,
        webhookSecret: row.webhook_secret,
        principal: verdict.principal,
      };
    },
    async makeCompany(key, name = 'Test Company') {
      const company = await call(key, 'POST', '/companies/create', {
        body: { name, contact_email: 'admin@testcompany.com', industry: 'retail' },
      });
      const companyId = String(company.body.company_id);
      const agent = await call(key, 'POST', `/companies/${companyId}/agents/create`, {
        body: { email: 'agent@testcompany.com', name: 'John Doe' },
      });
      return { companyId, agentId: String(agent.body.agent_id) };
    },
    async rows(text, values = []) {
      return (await owner.query(text, [...values])).rows;
    },
    async close() {
      await app.close();
      await relay.stop();
      await bus.drain();
      await database.close();
      await owner.end();
      await testDatabase.drop();
    },
  };
};
