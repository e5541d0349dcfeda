import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import {
  ANALYZE_BODY_BYTES_MAX,
  type Clock,
  createUuidV7Ids,
  hashKey,
  INTERNAL_TOKEN_HEADER,
  type PartnerPrincipal,
  type Principal,
  systemClock,
  type UserPrincipal,
} from '@switchboard/contracts';
import { createDatabase, createDataContext, startOutboxRelay } from '@switchboard/db';
import {
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
  createUploadBudget,
  type UploadBudget,
} from '@switchboard/service-kit';
import {
  createTestDatabase,
  PATIENT_DATABASE,
  patientBus,
  resetNats,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import type { FastifyInstance, InjectOptions } from 'fastify';
import pg from 'pg';
import { type AppDeps, buildApp } from '../../src/app.ts';
import { startConsumers } from '../../src/consumers/index.ts';
import type { Data } from '../../src/domain/database.ts';
import { verifyKey } from '../../src/domain/keys/verify-key.ts';
import { startResponders } from '../../src/responders/index.ts';

export const WEBHOOK_SECRET = 'a-webhook-secret-for-tests-of-enough-length';
const TOKEN_SECRET = 'an-internal-token-secret-of-enough-length-for-tests';
/** Tests look into outbox and inbox after clocks that they moved by months. */
const KEPT = { outboxSeconds: 3_650 * 86_400, inboxSeconds: 3_650 * 86_400 };

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

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH';

/** Whoever administers in these tests. */
export const superAdmin: UserPrincipal = {
  kind: 'user',
  user_id: '0192f0c1-2b3c-7d4e-8f50-617283940b01',
  email: 'root@example.com',
  role: 'super_admin',
  business_id: null,
  session_id: null,
  origin: 'local',
};

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
  readonly urls: { readonly owner: string; readonly admin: string; readonly webhooks: string };
  readonly uploads: UploadBudget;
  makeKey(options?: {
    readonly partner?: string;
    readonly environment?: 'sandbox' | 'production';
    readonly companyId?: string;
  }): Promise<MadeKey>;
  call(key: MadeKey, method: Method, path: string, options?: CallOptions): Promise<Answer>;
  /** The administration API, as superAdmin unless another principal is given. */
  admin(
    method: Method,
    path: string,
    options?: CallOptions & { readonly principal?: Principal },
  ): Promise<Answer>;
  /** Another process on the same database; closed with the first. */
  startReplica(): Promise<Pick<TestPartner, 'admin'>>;
  /** A company with one agent, of the key's environment. */
  makeCompany(key: MadeKey, name?: string): Promise<{ companyId: string; agentId: string }>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Until events were handled: several are under way at once, and a later one may be done before an earlier one. */
  untilHandled(eventIds: readonly string[]): Promise<void>;
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
    ...PATIENT_DATABASE,
  });
  const ids = createUuidV7Ids(clock);
  const bus = patientBus(await connectBus({ url: testNatsUrl(), name: 'partner-test', log: silentLog }));
  const data = createDataContext({ database, source: 'partner-service', clock, ids, log: silentLog });
  const relay = startOutboxRelay(data, { bus, keep: KEPT });
  if (options.consumers) startConsumers(data, bus);
  startResponders(bus, { db: database.db, clock, enabled, log: silentLog });
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();

  const uploads = createUploadBudget({
    bytesMax: options.uploadBytesMax ?? 128 * 1024 * 1024,
    // Longer than a busy machine takes for the uploads of any test.
    waitSeconds: 120,
    requestBytesMax: ANALYZE_BODY_BYTES_MAX,
    what: 'recordings',
  });
  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock });
  const openApp = async (its: Pick<AppDeps, 'data' | 'database'>) => {
    const opened = buildApp({
      config: { partner: { enabled, webhookSecret: WEBHOOK_SECRET, allowPrivateTargets } },
      ...its,
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
    await opened.ready();
    return opened;
  };
  const app = await openApp({ data, database });

  const send = async (
    target: FastifyInstance,
    principal: Principal,
    method: Method,
    url: string,
    { body, raw, headers }: CallOptions = {},
  ): Promise<Answer> => {
    const answer = await target.inject({
      method,
      url,
      headers: {
        [INTERNAL_TOKEN_HEADER]: mint(principal, 'partner-service'),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(raw === undefined && body === undefined ? {} : { payload: raw ?? JSON.stringify(body) }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  const call: TestPartner['call'] = (key, method, path, options) =>
    send(app, key.principal, method, `/api/partner/v1${path}`, options);
  const adminOf =
    (target: FastifyInstance): TestPartner['admin'] =>
    (method, path, { principal = superAdmin, ...options } = {}) =>
      send(target, principal, method, `/api/admin/v1${path}`, options);
  const replicas: { close(): Promise<void> }[] = [];

  return {
    app,
    data,
    bus,
    owner,
    uploads,
    urls: {
      owner: testDatabase.ownerUrl,
      admin: testDatabase.adminUrl,
      webhooks: testDatabase.urlFor('webhooks'),
    },
    call,
    admin: adminOf(app),
    async startReplica() {
      const other = createDatabase({
        url: testDatabase.urlFor('partner'),
        schema: 'partner',
        applicationName: 'partner-test-replica',
        log: silentLog,
        ...PATIENT_DATABASE,
      });
      const otherApp = await openApp({
        database: other,
        data: createDataContext({ database: other, source: 'partner-service', clock, ids, log: silentLog }),
      });
      replicas.push(otherApp, other);
      return { admin: adminOf(otherApp) };
    },
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
    async untilHandled(eventIds) {
      const ids = [...new Set(eventIds)];
      const handled = 'SELECT FROM partner.inbox WHERE event_id = ANY ($1)';
      await waitFor(async () => (await owner.query(handled, [ids])).rowCount === ids.length, {
        what: `${ids.length} events to be handled`,
      });
    },
    async close() {
      for (const replica of replicas) await replica.close();
      await app.close();
      await relay.stop();
      await bus.drain();
      await database.close();
      await owner.end();
      await testDatabase.drop();
    },
  };
};
