import {
  type Clock,
  createUuidV7Ids,
  INTERNAL_TOKEN_HEADER,
  type Principal,
  systemClock,
  type UserPrincipal,
  type UserRole,
  webhookEvents,
} from '@switchboard/contracts';
import {
  createAnswerBox,
  createIdTracing,
  createInternalTokenMinter,
  createInternalTokenVerifier,
  createLog,
  createMetrics,
  createReadiness,
  createSecretBox,
} from '@switchboard/service-kit';
import {
  type AnyJson,
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
} from '@switchboard/stack/testing';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { buildApp } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import type { Deps } from '../../src/deps.ts';
import { awkwardBody, ENCRYPTION_KEY, INTERNAL_TOKEN_SECRET } from './deliveries.ts';
import { startTestDispatcher, type TestDispatcher, testSettings } from './dispatcher.ts';

const NAME = 'webhook-dispatcher';
export const WEBHOOKS = '/api/admin/v1/webhooks';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number | string[] | undefined>;
  readonly body: AnyJson;
}

interface CallOptions {
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Record<string, string>;
  readonly app?: FastifyInstance;
}

export interface MadeEndpoint {
  readonly id: string;
  /** `whsec_…` */
  readonly secret: string;
  readonly owner: string;
}

export interface TestAdmin {
  readonly app: FastifyInstance;
  readonly deps: Deps;
  /** It sends what is due. */
  readonly dispatcher: TestDispatcher;
  readonly admin: UserPrincipal;
  readonly superAdmin: UserPrincipal;
  readonly urls: { readonly owner: string; readonly webhooks: string };
  /** Undefined: without a credential. */
  call(
    principal: Principal | undefined,
    method: Method,
    path: string,
    options?: CallOptions,
  ): Promise<Answer>;
  /** What the administrator is answered under `/api/admin/v1/webhooks`. */
  ask(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** An endpoint of the sandbox for every event, of an owner of its own unless the fields name one. */
  makeEndpoint(url: string, fields?: Record<string, unknown>): Promise<MadeEndpoint>;
  /** Publishes a message to an owner as a service does; gives its id. */
  publish(owner: string, fields?: { readonly eventType?: string; readonly body?: string }): Promise<string>;
  /** Another process of the service, as far as one can tell, without a dispatcher. */
  startReplica(changes?: Partial<Pick<Deps, 'box'>>): Promise<FastifyInstance>;
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The data of the events of a name, in the order in which they were emitted. */
  events(name: string): Promise<AnyJson[]>;
  close(): Promise<void>;
}

export const userOf = (role: UserRole, userId: string): UserPrincipal => ({
  kind: 'user',
  user_id: userId,
  email: `${role}@example.com`,
  role,
  business_id: null,
  session_id: null,
  origin: 'local',
});

export interface TestAdminOptions {
  readonly clock?: Clock;
  readonly settings?: Partial<Config['webhooks']>;
  readonly pollMs?: number;
  /** One that the test made; dropped with the rest. */
  readonly database?: TestDatabase;
}

/** The whole service in this process, on a database and a NATS account of the test's own. */
export const startTestAdmin = async (options: TestAdminOptions = {}): Promise<TestAdmin> => {
  const { clock = systemClock } = options;
  await resetNats();
  const testDatabase = options.database ?? (await createTestDatabase());
  const webhooksUrl = testDatabase.urlFor('webhooks');
  const dispatcher = await startTestDispatcher({
    ...options,
    databaseUrl: webhooksUrl,
    natsUrl: testNatsUrl(),
  });
  const ids = createUuidV7Ids(clock);
  const mint = createInternalTokenMinter({ secret: INTERNAL_TOKEN_SECRET, clock });
  const deps: Deps = {
    settings: testSettings(options.settings),
    data: dispatcher.ctx,
    engine: dispatcher.engine,
    signingKeys: dispatcher.signingKeys,
    log: createLog({ service: 'webhooks-test', level: 'silent' }),
    box: createSecretBox([ENCRYPTION_KEY], 'webhook endpoints'),
    answerBox: createAnswerBox([ENCRYPTION_KEY]),
  };
  const apps: FastifyInstance[] = [];
  const startApp = async (its: Deps): Promise<FastifyInstance> => {
    const app = buildApp({
      ...its,
      http: {
        config: { requestTimeoutSeconds: 60, idleTimeoutSeconds: 60, keepAliveSeconds: 60 },
        log: createLog({ service: 'webhooks-test', level: 'silent' }),
        clock,
        ids,
        metrics: createMetrics({ service: 'webhooks-test' }),
        tracing: createIdTracing(),
        readiness: createReadiness(),
        verifyInternalToken: createInternalTokenVerifier({
          secrets: [INTERNAL_TOKEN_SECRET],
          service: NAME,
          clock,
        }),
      },
    });
    await app.ready();
    apps.push(app);
    return app;
  };
  const app = await startApp(deps);
  const owner = new pg.Client({ connectionString: testDatabase.ownerUrl });
  await owner.connect();
  await owner.query('SET search_path TO webhooks');
  const admin = userOf('admin', ids.next());

  const call: TestAdmin['call'] = async (
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
        ...(principal ? { [INTERNAL_TOKEN_HEADER]: mint(principal, NAME) } : {}),
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
  const ask: TestAdmin['ask'] = (method, path, body, headers = {}) =>
    call(admin, method, `${WEBHOOKS}${path}`, { body, headers });
  const rows: TestAdmin['rows'] = async (text, values = []) => (await owner.query(text, [...values])).rows;

  return {
    app,
    deps,
    dispatcher,
    admin,
    superAdmin: userOf('super_admin', ids.next()),
    urls: { owner: testDatabase.ownerUrl, webhooks: webhooksUrl },
    call,
    ask,
    async makeEndpoint(url, fields = {}) {
      const body = {
        owner: `account:${ids.next()}`,
        environment: 'sandbox',
        url,
        event_types: ['*'],
        ...fields,
      };
      const made = await ask('POST', '/endpoints', body);
      if (made.status !== 201) throw new Error(`no endpoint was made: ${JSON.stringify(made.body)}`);
      return { id: made.body.id, secret: made.body.secret, owner: made.body.owner };
    },
    async publish(owner, { eventType = 'ticket.created', body = awkwardBody } = {}) {
      const messageId = ids.next();
      const message = {
        message_id: messageId,
        owner,
        event_type: eventType,
        environment: 'sandbox' as const,
        body,
      };
      await dispatcher.bus.publishEvent(webhookEvents.messagePublished, message, {
        source: 'ticket-service',
      });
      return messageId;
    },
    startReplica: (changes = {}) => startApp({ ...deps, ...changes }),
    rows,
    async events(name) {
      const found = await rows<{ data: unknown }>(
        'SELECT data FROM outbox WHERE subject = $1 ORDER BY position',
        [name],
      );
      return found.map((row) => row.data);
    },
    async close() {
      for (const each of apps) await each.close();
      await dispatcher.close();
      await owner.end();
      await testDatabase.drop();
    },
  };
};
