import { ANALYZE_BODY_BYTES_MAX } from '@switchboard/contracts';
import {
  createInternalTokenVerifier,
  createUploadBudget,
  openConnections,
  runService,
  secretsOf,
} from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { startConsumers } from './consumers/index.ts';
import { startHousekeeping } from './domain/housekeeping/start-housekeeping.ts';
import { startResponders } from './responders/index.ts';

const NAME = 'partner-service';

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, lifecycle } = boot;
    if (config.partner.allowPrivateTargets) {
      log.warn(
        'WEBHOOK_ALLOW_PRIVATE_TARGETS is true: sandbox keys may name addresses on this machine and in private networks. For local work and tests only.',
      );
    }
    const { database, bus, ctx, watchConsumer } = await openConnections(boot, {
      service: NAME,
      schema: 'partner',
    });
    // Stopped after HTTP is drained: until then the gateway may still ask about keys.
    const responders = startResponders(bus, {
      db: database.db,
      clock,
      enabled: config.partner.enabled,
      log,
    });
    lifecycle.onClose('responders', () => Promise.all(responders.map((responder) => responder.stop())));
    for (const consumer of startConsumers(ctx, bus)) watchConsumer(consumer);
    lifecycle.onStopWork('housekeeping', startHousekeeping(ctx, config.housekeeping));

    const { bytesAtOnceMax, waitSeconds } = config.uploads;
    const verifyInternalToken = createInternalTokenVerifier({
      secrets: secretsOf(config.internalToken),
      service: NAME,
      clock,
    });
    const app = buildApp({
      config,
      data: ctx,
      database,
      bus,
      uploads: createUploadBudget({
        bytesMax: bytesAtOnceMax,
        waitSeconds,
        requestBytesMax: ANALYZE_BODY_BYTES_MAX,
        what: 'recordings',
      }),
      http: { ...boot, config: config.server, verifyInternalToken },
    });
    await lifecycle.listen(app, config.server);
  },
});
