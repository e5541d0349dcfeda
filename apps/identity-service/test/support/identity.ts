import { type Bus, connectBus, type Log, silentLog } from '@switchboard/bus';
import {
  type Clock,
  createUuidV7Ids,
  INTERNAL_TOKEN_HEADER,
  type Principal,
  systemClock,
  type UserPrincipal,
  type UserRole,
} from '@switchboard/contracts';
import { createDatabase, createDataContext, startOutboxRelay, transact } from '@switchboard/db';
import {
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
  loadConfig,
} from '@switchboard/service-kit';
import {
  type AnyJson,
  createTestDatabase,
  PATIENT_DATABASE,
  patientBus,
  resetNats,
  type TestDatabase,
  testNatsUrl,
} from '@switchboard/stack/testing';
import type { FastifyInstance, InjectOptions } from 'fastify';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import { configSchema } from '../../src/config.ts';
import { startConsumers } from '../../src/consumers/index.ts';
import { createDeps, type Deps } from '../../src/deps.ts';
import { prepare } from '../../src/domain/housekeeping/prepare.ts';
import { createUser } from '../../src/domain/users/create-user.ts';
import { startResponders } from '../../src/responders/index.ts';

export const TOKEN_SECRET = 'an-internal-token-secret-of-enough-length-for-tests';
export const PUBLIC_URL = 'http://localhost:3000';
export const GOOD_PASSWORD = 'a-Password-nobody-else-has';
export const anon: Principal = { kind: 'anon' };

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number | string[] | undefined>;
  readonly body: AnyJson;
  readonly text: string;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly raw?: InjectOptions['payload'];
  readonly headers?: Record<string, string>;
  /** The address that the gateway saw; default 203.0.113.7. */
  readonly ip?: string;
}

export interface MadeUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly role: UserRole;
}

/** What `/token` answered, and the principal that the gateway would make of it. */
export interface SignedIn {
  readonly body: AnyJson;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  readonly principal: UserPrincipal;
}

export interface TestIdentity {
  readonly app: FastifyInstance;
  readonly deps: Deps;
  readonly bus: Bus;
  readonly owner: pg.Client;
  readonly database: TestDatabase;
  /** `principal` null: without an internal token. Paths are whole. */
  call(
    principal: Principal | null,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options?: CallOptions,
  ): Promise<Answer>;
  makeUser(options?: {
    readonly email?: string;
    readonly password?: string;
    readonly role?: UserRole;
    readonly isConfirmed?: boolean;
  }): Promise<MadeUser>;
  signIn(user: Pick<MadeUser, 'email' | 'password'>): Promise<SignedIn>;
  rows<Row = AnyJson>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Another replica on the same database and NATS account. */
  startReplica(options?: TestIdentityOptions): Promise<TestIdentity>;
  close(): Promise<void>;
}

export interface TestIdentityOptions {
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string>>;
  /** True: durable consumers run too. */
  readonly consumers?: boolean;
  readonly log?: Log;
}

const principalOf = (body: AnyJson): UserPrincipal => {
  const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString());
  return {
    kind: 'user',
    user_id: claims.sub,
    email: claims.email,
    role: claims.app_metadata.role,
    business_id: claims.app_metadata.business_id ?? null,
    session_id: claims.session_id,
    origin: 'local',
  };
};

let made = 0;

/** Tests look into the outbox after clocks that they moved by months. */
const KEPT = { outboxSeconds: 3_650 * 86_400, inboxSeconds: 3_650 * 86_400 };

const startOn = async (
  testDatabase: TestDatabase,
  options: TestIdentityOptions,
  end: () => Promise<void>,
): Promise<TestIdentity> => {
  const { clock = systemClock, log = silentLog } = options;
  const config = loadConfig(configSchema, {
    DATABASE_URL: testDatabase.urlFor('identity'),
    NATS_URL: testNatsUrl(),
    INTERNAL_TOKEN_SECRET: TOKEN_SECRET,
    IDENTITY_ENCRYPTION_KEY: 'an-encryption-key-of-enough-length-for-tests',
    PUBLIC_URL,
    ...options.env,
  });
  const database = createDatabase({
    url: config.database.url,
    schema: 'identity',
    applicationName: 'identity-test',
    log,
    ...PATIENT_DATABASE,
  });
  const ids = createUuidV7Ids(clock);
  const bus = patientBus(await connectBus({ url: testNatsUrl(), name: 'identity-test', log: silentLog }));
  const data = createDataContext({ database, source: 'identity-service', clock, ids, log });
  const relay = startOutboxRelay(data, { bus, keep: KEPT });
  const deps = createDeps(config, data);
  const responders = startResponders(bus, deps);
  if (options.consumers) startConsumers(deps, bus);
  await prepare(deps);
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();

  const mint = createInternalTokenMinter({ secret: TOKEN_SECRET, clock });
  const app = buildApp({
    ...deps,
    http: {
      config: { requestTimeoutSeconds: 60, idleTimeoutSeconds: 60, keepAliveSeconds: 60 },
      log: createLog({ service: 'identity-test', level: 'silent' }),
      clock,
      ids,
      metrics: createMetrics({ service: 'identity-test' }),
      tracing: createIdTracing(),
      readiness: createReadiness(),
      verifyInternalToken: createInternalTokenVerifier({
        secrets: [TOKEN_SECRET],
        service: 'identity-service',
        clock,
      }),
    },
  });
  await app.ready();

  const call: TestIdentity['call'] = async (principal, method, path, callOptions = {}) => {
    const { body, raw, headers, ip = '203.0.113.7' } = callOptions;
    const answer = await app.inject({
      method,
      url: path,
      headers: {
        ...(principal ? { [INTERNAL_TOKEN_HEADER]: mint(principal, 'identity-service') } : {}),
        'x-forwarded-for': ip,
        'user-agent': 'identity-test',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(raw === undefined && body === undefined ? {} : { payload: raw ?? JSON.stringify(body) }),
    });
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: isJson ? answer.json() : undefined,
      text: answer.body,
    };
  };

  return {
    app,
    deps,
    bus,
    owner,
    database: testDatabase,
    call,
    async makeUser({ email, password = GOOD_PASSWORD, role = 'user', isConfirmed = true } = {}) {
      made += 1;
      const address = email ?? `user-${made}@example.com`;
      const passwordHash = await deps.hashing.hash(password);
      const user = await transact(data, (tools) =>
        createUser(tools, deps, { email: address, isConfirmed, passwordHash, role }),
      );
      if (!user) throw new Error(`${address} is somebody's already`);
      return { id: user.id, email: address, password, role };
    },
    async signIn({ email, password }) {
      const { status, body } = await call(anon, 'POST', '/auth/v1/token?grant_type=password', {
        body: { email, password },
      });
      if (status !== 200) throw new Error(`sign-in answered ${status}: ${JSON.stringify(body)}`);
      const principal = principalOf(body);
      return {
        body,
        accessToken: body.access_token,
        refreshToken: body.refresh_token,
        sessionId: String(principal.session_id),
        principal,
      };
    },
    async rows(text, values = []) {
      return (await owner.query(text, [...values])).rows;
    },
    startReplica: (replicaOptions = {}) =>
      startOn(testDatabase, { ...options, ...replicaOptions }, async () => undefined),
    async close() {
      await app.close();
      await Promise.all(responders.map((responder) => responder.stop()));
      await relay.stop();
      await bus.drain();
      await database.close();
      await owner.end();
      await end();
    },
  };
};

/** The whole service in this process, on a database and a NATS account of the test's own. */
export const startTestIdentity = async (options: TestIdentityOptions = {}): Promise<TestIdentity> => {
  await resetNats();
  const testDatabase = await createTestDatabase();
  return startOn(testDatabase, options, () => testDatabase.drop());
};
