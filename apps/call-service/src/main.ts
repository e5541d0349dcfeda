import { createDatabase } from '@switchboard/db';
import {
  createAnswerBox,
  createInternalTokenVerifier,
  openConnections,
  runService,
  secretsOf,
  startRepeatedTasks,
} from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { consumeSupportTicketChanges } from './consumers/support-ticket-changes.ts';
import type { Deps } from './deps.ts';
import { housekeepingTasks } from './domain/housekeeping/tasks.ts';
import { isTurn } from './domain/ice-servers.ts';
import { createSessions } from './domain/sessions/create-sessions.ts';
import { createLoopbackDriver } from './domain/telephony/loopback/index.ts';
import { startResponders } from './responders/index.ts';

const NAME = 'call-service';

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, lifecycle, metrics } = boot;
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: NAME, schema: 'calls' });
    const secrets = secretsOf(config.internalToken);
    if (config.media.turnSecret === undefined && config.media.iceServers.some(isTurn)) {
      log.warn(
        'Browsers are not told of the TURN servers in CALL_ICE_SERVERS: set CALL_TURN_SECRET to the secret of these servers',
      );
    }
    const driver = createLoopbackDriver({
      media: config.media,
      noAnswerSeconds: config.calls.noAnswerSeconds,
      clock,
      log,
    });
    lifecycle.onClose('driver', () => driver.close());
    const leases = createDatabase({
      url: config.database.url,
      schema: 'calls',
      applicationName: `${NAME} leases`,
      poolMax: 1,
      log,
    });
    lifecycle.onClose('leases', () => leases.close());
    const sessions = createSessions({
      data: ctx,
      leases: leases.db,
      bus,
      driver,
      log,
      onOver: metrics.counterBy(
        'calls_over_total',
        'Calls whose end this process wrote, by reason',
        'reason',
      ),
      config: config.calls,
    });
    lifecycle.onStopWork('taking calls', () => sessions.stopTaking());
    lifecycle.onClose('sessions', () => sessions.close());
    metrics.gauge('calls_in_hand', 'Calls that this process has in hand', () => sessions.size);
    const deps: Deps = { config, data: ctx, bus, sessions, driver, answerBox: createAnswerBox(secrets) };
    // Stopped after HTTP is drained: until then gateways may still ask.
    const responders = startResponders(bus, deps);
    lifecycle.onClose('responders', () => Promise.all(responders.map((responder) => responder.stop())));
    watchConsumer(consumeSupportTicketChanges(ctx, bus));
    lifecycle.onStopWork('housekeeping', startRepeatedTasks(log, housekeepingTasks(deps)));
    const verifyInternalToken = createInternalTokenVerifier({ secrets, service: NAME, clock });
    const app = buildApp({ ...deps, http: { ...boot, config: config.server, verifyInternalToken } });
    await lifecycle.listen(app, config.server);
  },
});
