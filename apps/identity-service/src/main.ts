import {
  createInternalTokenVerifier,
  openConnections,
  runService,
  secretsOf,
  startRepeatedTasks,
} from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { startConsumers } from './consumers/index.ts';
import { createDeps } from './deps.ts';
import { startPreparing } from './domain/housekeeping/prepare.ts';
import { housekeepingTasks } from './domain/housekeeping/tasks.ts';
import { createMailer } from './domain/mail/mailer.ts';
import { startResponders } from './responders/index.ts';

const NAME = 'identity-service';

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, lifecycle, metrics, readiness } = boot;
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: NAME, schema: 'identity' });
    if (config.mail.smtpUrl === undefined && !config.mail.print) {
      log.warn(
        'SMTP_URL is not set: no mail is sent, so nobody can recover a password or confirm an address',
      );
    }
    const deps = createDeps(config, ctx);
    // Stopped after HTTP is drained: until then the gateway may still ask.
    const responders = startResponders(bus, deps);
    lifecycle.onClose('responders', () => Promise.all(responders.map((responder) => responder.stop())));
    for (const consumer of startConsumers(deps, bus)) watchConsumer(consumer);
    // Ready when there is a key to sign with; until Postgres answers it is tried again and again.
    const preparing = startPreparing(deps, lifecycle.signal);
    readiness.add('signing key', () => preparing.isDone);
    lifecycle.onStopWork('preparation', () => preparing.ended);
    const mailer = createMailer(config, log);
    lifecycle.onClose('mailer', () => mailer.close());
    lifecycle.onStopWork('housekeeping', startRepeatedTasks(log, housekeepingTasks(deps, mailer)));
    metrics.gauge(
      'password_hashes',
      'How often a password was hashed since the start',
      () => deps.hashing.runs,
    );

    const verifyInternalToken = createInternalTokenVerifier({
      secrets: secretsOf(config.internalToken),
      service: NAME,
      clock,
    });
    const app = buildApp({ ...deps, http: { ...boot, config: config.server, verifyInternalToken } });
    await lifecycle.listen(app, config.server);
  },
});
