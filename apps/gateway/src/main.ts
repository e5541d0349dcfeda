import { connectBus } from '@switchboard/bus';
import { realtimes } from '@switchboard/contracts';
import { createTraceHooks, runService } from '@switchboard/service-kit';
import { buildGateway } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createCredentials } from './credentials/index.ts';
import { createLimitStore } from './limits/index.ts';
import { createRealtimeEdge } from './realtime/index.ts';
import { createRequestLog } from './request-log/publisher.ts';

await runService({
  name: 'gateway',
  loadConfig: () => loadGatewayConfig(),
  start: async ({ config, log, clock, ids, metrics, tracing, readiness, lifecycle }) => {
    // It listens although NATS is away: keys that are unknown get 503 until it is back.
    const trace = createTraceHooks(tracing);
    const bus = await connectBus({
      url: config.bus.url,
      name: 'gateway',
      log,
      clock,
      ids,
      trace,
      waitForConnection: false,
    });
    lifecycle.onClose('bus', () => bus.drain());
    // Ready needs NATS once. Later a gateway without it still serves every key it knows, so it must not be taken out.
    let wasConnected = bus.isConnected();
    const forget = bus.onConnect(() => {
      wasConnected = true;
    });
    lifecycle.onClose('bus listener', forget);
    readiness.add('bus', () => wasConnected);

    const requestLog = createRequestLog({ bus, clock, ids, log, metrics });
    lifecycle.onClose('request log', () => requestLog.close());
    const limitStore = createLimitStore({ redisUrl: config.limits.redisUrl, bus, clock, log });
    lifecycle.onClose('limits', () => limitStore.close());
    await limitStore.ready();
    const credentials = createCredentials({
      ...config.credentials,
      ...config.accepted,
      waitSeconds: config.upstream.waitSeconds,
      bus,
      clock,
      log,
    });
    lifecycle.onClose('credentials', () => {
      for (const credential of Object.values(credentials)) credential.close();
    });

    const realtime = createRealtimeEdge({
      config: config.realtime,
      contracts: realtimes,
      waitSeconds: config.upstream.waitSeconds,
      bus,
      credentials,
      clock,
      log,
      metrics,
    });
    lifecycle.onStopWork('realtime', () => realtime.drain(config.server.drainSeconds));

    const app = await buildGateway(config, {
      log,
      clock,
      ids,
      metrics,
      tracing,
      readiness,
      credentials,
      limitStore,
      requestLog,
      realtime,
    });
    const url = await lifecycle.listen(app, config.server);
    log.info({ url, docs: `${url}/docs` }, 'the gateway listens');
  },
});
