import { connectBus } from '@switchboard/bus';
import { createDatabase, createDataContext, startOutboxRelay } from '@switchboard/db';
import {
  createTraceHooks,
  runService,
  watchConsumers,
  watchOutbox,
  watchPool,
} from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { startDispatcher } from './dispatcher.ts';
import { startHousekeeping } from './domain/deliveries/run-housekeeping.ts';

const NAME = 'webhook-dispatcher';
/** Kept free of the shutdown's time for recording, publishing and closing. */
const CLOSING_SECONDS = 6;

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start({ config, log, clock, ids, metrics, tracing, readiness, lifecycle }) {
    const { webhooks: settings } = config;
    if (settings.allowPrivateTargets) {
      log.warn(
        'WEBHOOK_ALLOW_PRIVATE_TARGETS is true: sandbox callbacks may go to this machine and to private networks. For local work and tests only.',
      );
    }
    const trace = createTraceHooks(tracing);
    const database = createDatabase({
      url: config.database.url,
      schema: 'webhooks',
      applicationName: NAME,
      poolMax: config.database.poolMax,
      log,
    });
    lifecycle.onClose('database', () => database.close());
    const bus = await connectBus({
      url: config.bus.url,
      name: NAME,
      log,
      clock,
      ids,
      trace,
      waitForConnection: false,
    });
    lifecycle.onClose('bus', () => bus.drain());
    const ctx = createDataContext({ database, source: NAME, clock, ids, log, trace });
    const relay = startOutboxRelay(ctx, { bus });
    lifecycle.onClose('outbox relay', () => relay.stop());
    const dispatcher = startDispatcher({ ctx, bus, metrics, tracing, settings });
    const deadlineMs = Math.max(1, config.server.shutdownSeconds - CLOSING_SECONDS) * 1000;
    lifecycle.onStopWork('dispatcher', () => dispatcher.stop({ deadlineMs }));
    lifecycle.onStopWork(
      'housekeeping',
      startHousekeeping(ctx, { payloadDays: settings.payloadDays, attemptDays: settings.attemptDays }),
    );

    readiness.add('postgres', () => database.check());
    readiness.add('nats', () => bus.isConnected());
    watchOutbox(metrics, () => relay.stats());
    watchConsumers(metrics, async () => {
      const lag = await dispatcher.lag();
      return lag === null ? {} : { 'webhook-requests': lag };
    });
    watchPool(metrics, () => database.poolStats());
    const app = buildApp({ config: config.server, log, clock, ids, metrics, tracing, readiness });
    await lifecycle.listen(app, config.server);
  },
});
