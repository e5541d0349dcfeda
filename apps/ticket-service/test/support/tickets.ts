import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import {
  ATTACHMENT_BODY_BYTES_MAX,
  type Clock,
  createUuidV7Ids,
  hashKey,
  INTERNAL_TOKEN_HEADER,
  type IntegrationTokenPrincipal,
  type Principal,
  systemClock,
  ticketRpcs,
  type UserPrincipal,
  type UserRole,
} from '@switchboard/contracts';
import { createDatabase, createDataContext, startOutboxRelay } from '@switchboard/db';
import {
  createAnswerBox,
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
  createUploadBudget,
} from '@switchboard/service-kit';
import {
  type AnyJson,
  createTestDatabase,
  PATIENT_DATABASE,
  patientBus,
  resetNats,
  testNatsUrl,
} from '@switchboard/stack/testing';
import { createLocalStorage, createUrlSigner } from '@switchboard/storage';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import { startConsumers } from '../../src/consumers/index.ts';
import type { Deps } from '../../src/deps.ts';
import type { Data } from '../../src/domain/database.ts';
import { createFeeds } from '../../src/domain/feed/feeds.ts';
import { createSearchCursors } from '../../src/domain/search/search-cursor.ts';
import { createSearchTurns } from '../../src/domain/search/search-turns.ts';
import { readBusinessHours } from '../../src/domain/sla/business-hours.ts';
import { createPolicy, type SlaSettings } from '../../src/domain/sla/create-policy.ts';
import { startResponders } from '../../src/responders/index.ts';

export const TOKEN_SECRET = 'an-internal-token-secret-of-enough-length-for-tests';
export const TOKENS = '/api/admin/v1/integration-tokens';
export const SURFACE = '/functions/v1/integration-tickets';

/** Clocks that never stand still by themselves. */
const ALWAYS_OPEN: SlaSettings = {
  businessHours: readBusinessHours('always') ?? [],
  timeZone: 'UTC',
  holidays: [],
  firstResponseMinutes: { urgent: 60, high: 120, medium: 480, low: 960 },
  resolutionMinutes: { urgent: 480, high: 960, medium: 2_400, low: 4_800 },
};

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number | string[] | undefined>;
  readonly body: AnyJson;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly raw?: string | Buffer;
  readonly headers?: Record<string, string>;
  readonly app?: FastifyInstance;
}

export interface TestTickets {
  readonly app: FastifyInstance;
  readonly deps: Deps;
  readonly data: Data;
  readonly bus: Bus;
  readonly urls: { readonly owner: string };
  /** Where files are. */
  readonly storageDirectory: string;
  readonly admin: UserPrincipal;
  call(principal: Principal, method: Method, path: string, options?: CallOptions): Promise<Answer>;
  /** What the administrator is answered under `/api/admin/v1/integration-tokens`. */
  ask(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  makeToken(fields?: Record<string, unknown>): Promise<{ readonly id: string; readonly token: string }>;
  verify(token: string): Promise<Awaited<ReturnType<typeof askVerdict>>>;
  /** Another process of the service, as far as one can tell: the same database, connections of its own. */
  startReplica(over?: Partial<Deps>): Promise<FastifyInstance>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The data of the events of a name, in the order in which they were emitted. */
  events<EventData = Record<string, unknown>>(name: string): Promise<EventData[]>;
  close(): Promise<void>;
}

const askVerdict = (bus: Bus, token: string) =>
  bus.request(ticketRpcs.verifyToken, { token_hash: hashKey(token) });

export const userOf = (role: UserRole, userId: string): UserPrincipal => ({
  kind: 'user',
  user_id: userId,
  email: `${role}@example.com`,
  role,
  business_id: null,
  session_id: null,
  origin: 'local',
});

/** The whole service in this process, on a database and a NATS account of the test's own. */
export const startTestTickets = async (
  options: { readonly clock?: Clock; readonly sla?: Partial<SlaSettings> } = {},
): Promise<TestTickets> => {
  const { clock = systemClock, sla } = options;
  await resetNats();
  const testDatabase = await createTestDatabase();
  const bus = patientBus(await connectBus({ url: testNatsUrl(), name: 'tickets-test', log: silentLog }));
  const ids = createUuidV7Ids(clock);
  const storageDirectory = await mkdtemp(join(tmpdir(), 'switchboard-tickets-'));
  const closers: (() => Promise<void>)[] = [];
  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock });

  const openData = (): Data => {
    const database = createDatabase({
      url: testDatabase.urlFor('tickets'),
      schema: 'tickets',
      applicationName: 'tickets-test',
      log: silentLog,
      ...PATIENT_DATABASE,
    });
    closers.push(() => database.close());
    return createDataContext({ database, source: 'ticket-service', clock, ids, log: silentLog });
  };
  const depsOf = (data: Data): Deps => ({
    data,
    bus,
    feeds: createFeeds({ bus, log: silentLog }),
    searchCursors: createSearchCursors([TOKEN_SECRET]),
    searchTurns: createSearchTurns(),
    sla: createPolicy({ ...ALWAYS_OPEN, ...sla }),
    config: { housekeeping: { usageRetentionDays: 90 }, tickets: { storedBytesPerTokenMax: 2 ** 30 } },
    answerBox: createAnswerBox([TOKEN_SECRET]),
    storage: createLocalStorage({ directory: storageDirectory }),
    fileUrls: createUrlSigner({
      secrets: [TOKEN_SECRET],
      purpose: 'ticket attachments',
      publicUrl: 'https://api.example.com',
      secondsValid: 600,
    }),
    uploads: createUploadBudget({
      bytesMax: 128 * 1024 * 1024,
      waitSeconds: 60,
      requestBytesMax: ATTACHMENT_BODY_BYTES_MAX,
      what: 'attachments',
    }),
  });
  const startApp = async (deps: Deps): Promise<FastifyInstance> => {
    const app = buildApp({
      ...deps,
      http: {
        config: { requestTimeoutSeconds: 60, idleTimeoutSeconds: 60, keepAliveSeconds: 60 },
        log: createLog({ service: 'tickets-test', level: 'silent' }),
        clock,
        ids,
        metrics: createMetrics({ service: 'tickets-test' }),
        tracing: createIdTracing(),
        readiness: createReadiness(),
        verifyInternalToken: createInternalTokenVerifier({
          secrets: [TOKEN_SECRET],
          service: 'ticket-service',
          clock,
        }),
      },
    });
    await app.ready();
    closers.unshift(() => app.close());
    return app;
  };

  const deps = depsOf(openData());
  const { data } = deps;
  const relay = startOutboxRelay(data, { bus });
  startConsumers(deps, bus);
  startResponders(bus, deps);
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  const app = await startApp(deps);
  const admin = userOf('admin', ids.next());

  const call: TestTickets['call'] = async (
    principal,
    method,
    path,
    { body, raw, headers, app: other } = {},
  ) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await (other ?? app).inject({
      method,
      url: path,
      headers: {
        [INTERNAL_TOKEN_HEADER]: mint(principal, 'ticket-service'),
        'x-forwarded-for': '203.0.113.7',
        'user-agent': 'a-test/1.0',
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.body === '' ? null : answer.json(),
    };
  };
  const ask: TestTickets['ask'] = (method, path, body, headers = {}) =>
    call(admin, method, `${TOKENS}${path}`, { body, headers });
  const rows: TestTickets['rows'] = async (text, values = []) => (await owner.query(text, [...values])).rows;

  return {
    app,
    deps,
    data,
    bus,
    admin,
    urls: { owner: testDatabase.ownerUrl },
    storageDirectory,
    call,
    ask,
    async makeToken(fields = {}) {
      const made = await ask('POST', '', { name: 'Helpdesk', ...fields });
      if (made.status !== 201) throw new Error(`no token was made: ${JSON.stringify(made.body)}`);
      return { id: made.body.id, token: made.body.token };
    },
    verify: (token) => askVerdict(bus, token),
    startReplica: (over = {}) => startApp({ ...depsOf(openData()), ...over }),
    rows,
    async events<EventData>(name: string) {
      const found = await rows<{ data: EventData }>(
        'SELECT data FROM tickets.outbox WHERE subject = $1 ORDER BY position',
        [name],
      );
      return found.map((row) => row.data);
    },
    async close() {
      await relay.stop();
      await bus.drain();
      for (const end of closers) await end();
      await owner.end();
      await testDatabase.drop();
      await rm(storageDirectory, { recursive: true });
    },
  };
};

/** As whom the gateway lets a token's calls in. */
export const tokenPrincipal = (tokenId: string): IntegrationTokenPrincipal => ({
  kind: 'integration_token',
  token_id: tokenId,
  token_name: 'Helpdesk',
  owner_user_id: null,
  allowed_endpoints: ['*'],
});
