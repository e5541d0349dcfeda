import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import {
  type ApiKeyPrincipal,
  type Clock,
  callRpcs,
  createUuidV7Ids,
  hashKey,
  INTERNAL_TOKEN_HEADER,
  type Principal,
  systemClock,
  type UserPrincipal,
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
} from '@switchboard/service-kit';
import {
  type AnyJson,
  createTestDatabase,
  PATIENT_DATABASE,
  resetNats,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import { consumeSupportTicketChanges } from '../../src/consumers/support-ticket-changes.ts';
import type { Deps } from '../../src/deps.ts';
import { createSessions, type RunningSessions } from '../../src/domain/sessions/create-sessions.ts';
import { startResponders } from '../../src/responders/index.ts';
import { createTestDriver, type TestDriver } from './test-driver.ts';

const TOKEN_SECRET = 'an-internal-token-secret-of-enough-length-for-tests';
export const PUBLIC_URL = 'https://calls.example.com/switchboard';
export const CALLS = '/api/v1/calls';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number | string[] | undefined>;
  readonly body: AnyJson;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Which replica is asked; the first when left out. */
  readonly at?: TestReplica;
}

/** A process of the service, as far as one can tell: connections and calls of its own. */
export interface TestReplica {
  readonly app: FastifyInstance;
  readonly deps: Deps;
  readonly bus: Bus;
  readonly driver: TestDriver;
  /** Its leases are renewed, and calls taken over, when a test says so. */
  readonly sessions: RunningSessions;
}

export interface StartedCall {
  readonly callId: string;
  readonly wsUrl: string;
  readonly ticket: string;
}

export interface TestCalls extends TestReplica {
  readonly urls: { readonly owner: string };
  /** The account that asks when no other is named. */
  readonly caller: ApiKeyPrincipal;
  ask(method: Method, path: string, options?: AskOptions & { readonly by?: Principal }): Promise<Answer>;
  /** Starts a call, and waits until it is dialled. Throws when it is refused. */
  startCall(
    fields?: Record<string, unknown>,
    options?: AskOptions & { readonly by?: Principal },
  ): Promise<StartedCall>;
  /** Whether a ticket opens the socket at a path, as a gateway asks it; the path of its own call when left out. */
  redeem(ticket: string, path: string): ReturnType<typeof askRedeem>;
  follow(
    callId: string,
    since?: number,
    by?: Principal,
  ): Promise<{ readonly frames: Frame[]; readonly last_sequence: number; readonly is_final: boolean }>;
  startReplica(settings?: Partial<Config['calls']>): Promise<TestReplica>;
  /** Postgres takes none of the service's connections, and ends those that there are, until the given function is called. */
  stopDatabase(): Promise<() => Promise<void>>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The data of the events of a name, in the order in which they were emitted. */
  events<EventData = Record<string, unknown>>(name: string): Promise<EventData[]>;
  close(): Promise<void>;
}

/** A frame as followers read it. */
export interface Frame {
  readonly type: string;
  readonly callId: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: AnyJson;
}

/** Questions wait longer than a gateway does: a machine that stands still for a while is no fault. */
export const PATIENT = { timeoutMs: 30_000 };
const askRedeem = (bus: Bus, ticket: string, path: string) =>
  bus.request(callRpcs.redeemTicket, { ticket_hash: hashKey(ticket), path }, PATIENT);

export const ticketOf = (wsUrl: string): string => new URL(wsUrl).searchParams.get('ticket') ?? '';
export const pathOf = (callId: string): string => `/api/v1/ws/calls/${callId}`;

export const userOf = (userId: string, fields: Partial<UserPrincipal> = {}): UserPrincipal => ({
  kind: 'user',
  user_id: userId,
  email: 'someone@example.com',
  role: 'user',
  business_id: null,
  session_id: null,
  origin: 'local',
  ...fields,
});

const testConfig: Deps['config'] = {
  edge: { publicUrl: PUBLIC_URL },
  calls: {
    driver: 'loopback',
    secondsMax: 14_400,
    leaseSeconds: 10,
    activeMax: 2_000,
    activePerAccountMax: 500,
    noAnswerSeconds: 45,
  },
  media: { iceServers: [], turnSecret: undefined, addresses: [], ports: undefined },
};

export interface TestCallsOptions {
  readonly clock?: Clock;
  readonly calls?: Partial<Config['calls']>;
  readonly media?: Partial<Config['media']>;
}

/** The whole service in this process, on a database and a NATS account of the test's own. */
export const startTestCalls = async (options: TestCallsOptions = {}): Promise<TestCalls> => {
  const { clock = systemClock } = options;
  await resetNats();
  const testDatabase = await createTestDatabase();
  const ids = createUuidV7Ids(clock);
  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock });
  const closers: (() => Promise<unknown>)[] = [];
  const startReplica: TestCalls['startReplica'] = async (settings = {}) => {
    const config: Deps['config'] = {
      ...testConfig,
      calls: { ...testConfig.calls, ...options.calls, ...settings },
      media: { ...testConfig.media, ...options.media },
    };
    const log = createLog({ service: 'calls-test', level: 'silent' });
    const database = createDatabase({
      url: testDatabase.urlFor('calls'),
      schema: 'calls',
      applicationName: 'calls-test',
      ...PATIENT_DATABASE,
      log: silentLog,
    });
    const data = createDataContext({ database, source: 'call-service', clock, ids, log: silentLog });
    const bus = await connectBus({ url: testNatsUrl(), name: 'calls-test', log: silentLog });
    const relay = startOutboxRelay(data, { bus });
    const driver = createTestDriver();
    const leases = createDatabase({
      url: testDatabase.urlFor('calls'),
      schema: 'calls',
      applicationName: 'calls-test leases',
      ...PATIENT_DATABASE,
      poolMax: 1,
      log: silentLog,
    });
    const sessions = createSessions({
      data,
      leases: leases.db,
      bus,
      driver,
      log,
      config: config.calls,
      rounds: 'by hand',
    });
    const deps: Deps = { config, data, bus, sessions, driver, answerBox: createAnswerBox([TOKEN_SECRET]) };
    startResponders(bus, deps);
    const consumer = consumeSupportTicketChanges(data, bus);
    const verifyInternalToken = createInternalTokenVerifier({
      secrets: [TOKEN_SECRET],
      service: 'call-service',
      clock,
    });
    const app = buildApp({
      ...deps,
      http: {
        config: { requestTimeoutSeconds: 60, idleTimeoutSeconds: 60, keepAliveSeconds: 60 },
        log,
        clock,
        ids,
        metrics: createMetrics({ service: 'calls-test' }),
        tracing: createIdTracing(),
        readiness: createReadiness(),
        verifyInternalToken,
      },
    });
    await app.ready();
    closers.push(async () => {
      await app.close();
      await sessions.close();
      await relay.stop();
      await consumer.stop();
      await bus.drain();
      await leases.close();
      await database.close();
    });
    return { app, deps, bus, driver, sessions };
  };

  const first = await startReplica();
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  const caller: ApiKeyPrincipal = { kind: 'api_key', key_id: ids.next(), account_id: ids.next() };

  const ask: TestCalls['ask'] = async (method, path, { body, headers, at = first, by = caller } = {}) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const answer = await at.app.inject({
      method,
      url: path,
      headers: {
        [INTERNAL_TOKEN_HEADER]: mint(by, 'call-service'),
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
  const asSuperuser = async (...statements: readonly string[]): Promise<void> => {
    const url = new URL(testDatabase.adminUrl);
    url.pathname = '/postgres';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  const rows: TestCalls['rows'] = async (text, values = []) => (await owner.query(text, [...values])).rows;

  return {
    ...first,
    urls: { owner: testDatabase.ownerUrl },
    caller,
    ask,
    async startCall(fields = {}, askOptions = {}) {
      const made = await ask('POST', CALLS, {
        body: { name: 'Customer Name', phone: '+1234567890', callType: 'inbound', ...fields },
        ...askOptions,
      });
      if (made.status !== 201) throw new Error(`no call was started: ${JSON.stringify(made.body)}`);
      const { callId, wsUrl } = made.body.data;
      const { driver } = askOptions.at ?? first;
      await waitFor(() => driver.legs.has(callId), { what: 'the call is dialled' });
      return { callId, wsUrl, ticket: ticketOf(wsUrl) };
    },
    redeem: (ticket, path) => askRedeem(first.bus, ticket, path),
    async follow(callId, since = 0, by = caller) {
      const page = await first.bus.request(callRpcs.follow, { id: callId, since, principal: by }, PATIENT);
      return { ...page, frames: page.frames.map(({ text }) => JSON.parse(text)) };
    },
    startReplica,
    async stopDatabase() {
      const { name } = testDatabase;
      const role = new URL(testDatabase.urlFor('calls')).username;
      await asSuperuser(
        `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND usename = '${role}'`,
      );
      return () => asSuperuser(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    },
    rows,
    async events<EventData>(name: string) {
      const found = await rows<{ data: EventData }>(
        'SELECT data FROM calls.outbox WHERE subject = $1 ORDER BY position',
        [name],
      );
      return found.map((row) => row.data);
    },
    async close() {
      for (const end of closers) await end();
      await owner.end();
      await testDatabase.drop();
    },
  };
};
