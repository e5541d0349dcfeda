import { connectBus, silentLog } from '@switchboard/bus';
import { partnerRoutes, type RouteContract, systemClock } from '@switchboard/contracts';
import { createIdTracing, createMetrics, createReadiness, createSilentLog } from '@switchboard/service-kit';
import {
  buildGateway,
  createCredentials,
  createLimitStore,
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
const app = await buildGateway(config, {
  log,
  metrics: createMetrics({ service: 'gateway' }),
  tracing: createIdTracing(),
  readiness,
  credentials: createCredentials({
    ...config.credentials,
    ...config.accepted,
    waitSeconds: 10,
    bus,
    clock,
    log,
  }),
  limitStore: createLimitStore({ redisUrl: undefined, bus, clock, log }),
  requestLog: { add: () => {}, close: async () => {} },
  routes: [open],
});
await app.listen({ host: '127.0.0.1', port: config.server.port });
readiness.markStarted();
