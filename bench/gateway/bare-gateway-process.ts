import { connectBus, silentLog } from '@switchboard/bus';
import { partnerRoutes, type RouteContract, systemClock } from '@switchboard/contracts';
import { createIdTracing, createMetrics, createReadiness, createSilentLog } from '@switchboard/service-kit';
import {
  buildGateway,
  createCredentials,
  createLimitStore,
  createRealtimeEdge,
  loadGatewayConfig,
} from '../../apps/gateway/src/index.ts';

/** The same gateway with nothing to check or to write down: no credential, no limit, no request log. */
const { id, summary, source, method, path, service, surface, params, responses, errors } =
  partnerRoutes.getJobStatus;
const open: RouteContract = {
  id,
  summary,
  source,
  method,
  path,
  service,
  surface,
  params,
  responses,
  errors,
  credentials: [],
};

const config = loadGatewayConfig(process.env);
const log = createSilentLog();
const clock = systemClock;
const readiness = createReadiness();
const bus = await connectBus({ url: config.bus.url, name: 'bench-bare-gateway', log: silentLog });
const metrics = createMetrics({ service: 'gateway' });
const waitSeconds = 10;
const credentials = createCredentials({
  ...config.credentials,
  ...config.accepted,
  waitSeconds,
  bus,
  clock,
  log,
});
const app = await buildGateway(config, {
  log,
  metrics,
  tracing: createIdTracing(),
  readiness,
  credentials,
  realtime: createRealtimeEdge({
    config: config.realtime,
    contracts: [],
    waitSeconds,
    bus,
    credentials,
    log,
    metrics,
  }),
  limitStore: createLimitStore({ redisUrl: undefined, bus, clock, log }),
  requestLog: { add: () => {}, close: async () => {} },
  routes: [open],
});
await app.listen({ host: '127.0.0.1', port: config.server.port });
readiness.markStarted();
