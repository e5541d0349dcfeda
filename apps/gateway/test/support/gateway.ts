import type { AddressInfo } from 'node:net';
import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import {
  type Clock,
  createUuidV7Ids,
  type RealtimeContract,
  type RouteContract,
  realtimes,
  systemClock,
} from '@switchboard/contracts';
import { createIdTracing, createMetrics, createReadiness, createSilentLog } from '@switchboard/service-kit';
import { PATIENCE_MS, patientBus, testNatsUrl } from '@switchboard/stack/testing';
import type { FastifyInstance } from 'fastify';
import {
  buildGateway,
  createCredentials,
  createLimitStore,
  createRealtimeEdge,
  createRequestLog,
  loadGatewayConfig,
  type RealtimeEdge,
} from '../../src/index.ts';

export const INTERNAL_TOKEN_SECRET = 'an-internal-token-secret-for-tests-only';

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly realtime: RealtimeEdge;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly clock?: Clock;
  readonly natsUrl?: string;
  readonly routes?: readonly RouteContract[];
  readonly realtimes?: readonly RealtimeContract[];
  readonly unreadSeconds?: number;
  readonly keySetTimeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export const connectTestBus = (natsUrl = testNatsUrl()): Promise<Bus> =>
  connectBus({ url: natsUrl, name: 'test', log: silentLog });

/**
 * A whole gateway in this process, on a free port, against the real NATS. `env` is what an operator would set. With a NATS of
 * its own, which a test may end, it waits for answers as long as the product does.
 */
export const startGateway = async (options: GatewayOptions = {}): Promise<TestGateway> => {
  const clock = options.clock ?? systemClock;
  const natsUrl = options.natsUrl ?? testNatsUrl();
  const config = loadGatewayConfig({
    HOST: '127.0.0.1',
    NATS_URL: natsUrl,
    INTERNAL_TOKEN_SECRET,
    UPSTREAM_WAIT_SECONDS: '60',
    ...options.env,
  });
  const log = createSilentLog();
  const connected = await connectTestBus(natsUrl);
  const bus = options.natsUrl === undefined ? patientBus(connected) : connected;
  const ids = createUuidV7Ids();
  const metrics = createMetrics({ service: 'gateway' });
  const readiness = createReadiness();
  const requestLog = createRequestLog({ bus, clock, ids, log, metrics });
  const limitStore = createLimitStore({
    redisUrl: config.limits.redisUrl,
    bus,
    clock,
    log,
    redisTimeoutMs: PATIENCE_MS,
  });
  await limitStore.ready();
  const credentials = createCredentials({
    ...config.credentials,
    ...config.accepted,
    waitSeconds: config.upstream.waitSeconds,
    keySetTimeoutMs: options.keySetTimeoutMs ?? PATIENCE_MS,
    bus,
    clock,
    log,
  });
  const realtime = createRealtimeEdge({
    config: config.realtime,
    contracts: options.realtimes ?? realtimes,
    waitSeconds: config.upstream.waitSeconds,
    bus,
    credentials,
    clock,
    log,
    metrics,
  });
  const app = await buildGateway(config, {
    log,
    clock,
    metrics,
    tracing: createIdTracing(),
    readiness,
    credentials,
    limitStore,
    requestLog,
    realtime,
    ...(options.routes ? { routes: options.routes } : {}),
    ...(options.unreadSeconds ? { unreadSeconds: options.unreadSeconds } : {}),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  readiness.markStarted();
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    app,
    bus,
    realtime,
    metrics: () => metrics.render(),
    async close() {
      await app.close();
      for (const credential of Object.values(credentials)) credential.close();
      await limitStore.close();
      await requestLog.close(bus.isConnected() ? 30 : 1);
      await bus.close();
    },
  };
};
