import { openConnections, runService } from '@switchboard/service-kit';
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
  async start(boot) {
    const { config, log, clock, ids, metrics, tracing, readiness, lifecycle } = boot;
    const { webhooks: settings } = config;
    if (settings.allowPrivateTargets) {
      log.warn(
        'WEBHOOK_ALLOW_PRIVATE_TARGETS is true: sandbox callbacks may go to this machine and to private networks. For local work and tests only.',
      );
    }
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: NAME, schema: 'webhooks' });
    const dispatcher = startDispatcher({ ctx, bus, metrics, tracing, settings });
    const deadlineMs = Math.max(1, config.server.shutdownSeconds - CLOSING_SECONDS) * 1000;
    watchConsumer(dispatcher.consumer, () => dispatcher.stop({ deadlineMs }));
    lifecycle.onStopWork(
      'housekeeping',
      startHousekeeping(ctx, { payloadDays: settings.payloadDays, attemptDays: settings.attemptDays }),
    );

    const app = buildApp({ config: config.server, log, clock, ids, metrics, tracing, readiness });
    await lifecycle.listen(app, config.server);
  },
});
