import cors from '@fastify/cors';
import {
  type Clock,
  routes as contractRoutes,
  gatewayAdminRoutes,
  type Ids,
  type RouteContract,
  type ServiceName,
  serviceNames,
  systemClock,
} from '@switchboard/contracts';
import {
  answerError,
  createHttpServer,
  createInternalTokenMinter,
  healthRoutes,
  type Log,
  type Metrics,
  type Readiness,
  type Tracing,
} from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import manifest from '../package.json' with { type: 'json' };
import { createAdmission } from './admission.ts';
import type { GatewayConfig } from './config.ts';
import { createChooser } from './credentials/choose.ts';
import type { Credentials } from './credentials/index.ts';
import { createRefusalGuard } from './credentials/refusal-guard.ts';
import { createLimiter } from './limits/limiter.ts';
import type { SharedLimitStore } from './limits/redis-store.ts';
import { createHeaderFilters } from './proxy/request-headers.ts';
import { createUpstream, type Upstream } from './proxy/upstream.ts';
import {
  createUpgrades,
  type RealtimeEdge,
  realtimeUpgrades,
  registerRealtimeRoutes,
} from './realtime/index.ts';
import type { RequestLog } from './request-log/publisher.ts';
import { createTracker } from './request-log/track.ts';
import { explainCredential } from './routes/auth/explain-credential.ts';
import { registerContractRoutes } from './routes/contracts/index.ts';
import { registerDemoRoutes } from './routes/demo/index.ts';
import { registerDocsRoutes } from './routes/docs/index.ts';
import { registerHealthRoutes } from './routes/health/get-health.ts';
import { createUnknownRoutes, registerUnknownRoutes, trackUnknown } from './routes/unknown/refuse-unknown.ts';

export interface GatewayDeps {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly readiness: Readiness;
  readonly credentials: Credentials;
  readonly limitStore: SharedLimitStore;
  readonly requestLog: RequestLog;
  readonly realtime: RealtimeEdge;
  readonly clock?: Clock;
  readonly ids?: Ids;
  /** What is served; everything that the contracts promise unless a test says otherwise. */
  readonly routes?: readonly RouteContract[];
  /** After this long a caller who takes none of an answer is cut off; 60 s unless a test says otherwise. */
  readonly unreadSeconds?: number;
}

/** Longer than any network that works keeps still; each answer that nobody reads holds a connection to its service. */
const UNREAD_SECONDS = 60;

const REQUEST_HEADERS = [
  'authorization',
  'apikey',
  'x-client-info',
  'x-supabase-api-version',
  'x-api-key',
  'x-api-secret',
  'x-idempotency-key',
  'idempotency-key',
  'content-type',
  'x-request-id',
  'if-match',
  'if-none-match',
];
const EXPOSED_HEADERS = [
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit-Policy',
  'RateLimit',
  'Retry-After',
  'X-Request-Id',
  'Location',
  'ETag',
  'Idempotent-Replay',
];

/** No plugin of the API side shall wait for a request's body: the gateway passes it on, or reads it itself. */
const leaveBodiesAlone = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
};

/** Builds the gateway. It does not listen; closing it closes its connections to the services, not what it was given. */
export const buildGateway = async (config: GatewayConfig, deps: GatewayDeps): Promise<FastifyInstance> => {
  const { log, metrics, tracing, readiness, credentials, limitStore, requestLog, realtime } = deps;
  const clock = deps.clock ?? systemClock;
  const routes = deps.routes ?? contractRoutes;
  const track = createTracker({ requestLog, clock });
  const describeUnknown = createUnknownRoutes(routes);
  const websockets = realtimeUpgrades(realtime.contracts);
  const upgrades = createUpgrades([websockets]);
  const app = createHttpServer({
    config: config.server,
    log,
    clock,
    metrics,
    tracing,
    readiness,
    ...(deps.ids ? { ids: deps.ids } : {}),
    logRequests: false,
    onUnknownRoute: (request) => describeUnknown(request).error,
    fastify: {
      http: { shouldUpgradeCallback: upgrades.shouldUpgrade },
      trustProxy: config.edge.trustProxy.length > 0 ? config.edge.trustProxy : false,
      frameworkErrors: (error, request, reply) => {
        trackUnknown(track, request, reply, describeUnknown(request).endpoint, error);
        answerError(error, request, reply);
      },
    },
  });
  upgrades.attachTo(app.server);
  leaveBodiesAlone(app);
  app.decorateRequest('tracked', null);
  // With `Expect: 100-continue` a caller waits to be asked for the body: whoever takes the body asks, a refusal does not.
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));

  await app.register(cors, {
    origin: config.edge.corsOrigins.includes('*') ? '*' : config.edge.corsOrigins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600,
    strictPreflight: false,
  });
  await app.register(healthRoutes, { readiness, metrics });

  const upstreamOf = (service: ServiceName): Upstream =>
    createUpstream({
      service,
      url: config.services[service] ?? '',
      connectionsMax: config.upstream.connectionsMax,
      waitingMax: config.upstream.waitingMax,
      log,
    });
  const upstreams = Object.fromEntries(
    serviceNames.map((service) => [service, upstreamOf(service)]),
  ) as Record<ServiceName, Upstream>;
  const all = Object.values(upstreams);
  app.addHook('onClose', async () => void (await Promise.all(all.map((upstream) => upstream.close()))));

  const guard = createRefusalGuard({ clock, refusedPerMinute: config.credentials.refusedPerMinute });
  const limiter = createLimiter(limitStore);
  const chooser = createChooser(credentials);
  const { surfaces } = config;
  const admissions = createAdmission({ credentials, chooser, limiter, guard, log, clock, surfaces });
  registerContractRoutes(app, {
    routes: routes.filter(({ upgrade }) => upgrade === undefined),
    track,
    admissions,
    limiter,
    mintToken: createInternalTokenMinter({ secret: config.internalToken.secret, clock }),
    headerFilters: createHeaderFilters(Object.values(credentials).flatMap(({ headers }) => headers)),
    upstreams,
    waitSeconds: config.upstream.waitSeconds,
    unreadSeconds: deps.unreadSeconds ?? UNREAD_SECONDS,
    answers: { [gatewayAdminRoutes.explain.id]: explainCredential({ chooser, routes, surfaces }) },
  });
  await registerRealtimeRoutes(app, { edge: realtime, upgrades: websockets, track, admissions });
  registerHealthRoutes(app, { upstreams: all, clock, version: manifest.version });
  await registerDocsRoutes(app, { publicUrl: config.edge.publicUrl });
  if (config.edge.demoPages) await registerDemoRoutes(app, { publicUrl: config.edge.publicUrl });
  registerUnknownRoutes(app, {
    routes,
    track,
    attribute: admissions.attribute,
    describe: describeUnknown,
  });

  metrics.gaugeBy('gateway_requests_held', 'Requests that wait for a service to come back', 'upstream', () =>
    Object.fromEntries(all.map(({ service, held }) => [service, held])),
  );
  metrics.gaugeBy('gateway_upstream_up', '1 when a service takes requests', 'upstream', () =>
    Object.fromEntries(all.map(({ service, health }) => [service, health === 'ok' ? 1 : 0])),
  );
  metrics.gauge('gateway_limits_shared', '1 while requests are counted for all gateways together', () =>
    limitStore.isShared() ? 1 : 0,
  );
  return app;
};
