import {
  createAnswerBox,
  createInternalTokenVerifier,
  createSecretBox,
  openConnections,
  runService,
  secretsOf,
} from '@switchboard/service-kit';
import { buildApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { startDispatcher } from './dispatcher.ts';
import { startHousekeeping } from './domain/deliveries/run-housekeeping.ts';
import { startEndpointTasks } from './domain/endpoints/start-endpoint-tasks.ts';

const NAME = 'webhook-dispatcher';
/** Kept free of the shutdown's time for recording, publishing and closing. */
const CLOSING_SECONDS = 6;

/** The current key, and the one before it while there is one. */
const encryptionKeys = ({ encryptionKey, previousEncryptionKey }: Config['webhooks']): readonly string[] =>
  previousEncryptionKey === undefined ? [encryptionKey] : [encryptionKey, previousEncryptionKey];

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, metrics, tracing, lifecycle } = boot;
    const { webhooks: settings } = config;
    if (settings.allowPrivateTargets) {
      log.warn(
        'WEBHOOK_ALLOW_PRIVATE_TARGETS is true: sandbox webhooks may go to this machine and to private networks. For local work and tests only.',
      );
    }
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: NAME, schema: 'webhooks' });
    const box = createSecretBox(encryptionKeys(settings), 'webhook endpoints');
    const dispatcher = startDispatcher({ ctx, bus, metrics, tracing, settings, box });
    const deadlineMs = Math.max(1, config.server.shutdownSeconds - CLOSING_SECONDS) * 1000;
    // One stops all of it; the others' own stop finds nothing more to do.
    for (const [index, consumer] of dispatcher.consumers.entries()) {
      watchConsumer(consumer, index === 0 ? () => dispatcher.stop({ deadlineMs }) : undefined);
    }
    lifecycle.onStopWork(
      'housekeeping',
      startHousekeeping(ctx, { payloadDays: settings.payloadDays, attemptDays: settings.attemptDays }),
    );

    lifecycle.onStopWork(
      'endpoint tasks',
      startEndpointTasks(ctx, { box, attemptDays: settings.attemptDays }),
    );

    const verifyInternalToken = createInternalTokenVerifier({
      secrets: secretsOf(config.internalToken),
      service: NAME,
      clock,
    });
    const deps: Deps = {
      settings,
      data: ctx,
      engine: dispatcher.engine,
      signingKeys: dispatcher.signingKeys,
      log,
      box,
      answerBox: createAnswerBox(encryptionKeys(settings)),
    };
    const app = buildApp({ ...deps, http: { ...boot, config: config.server, verifyInternalToken } });
    await lifecycle.listen(app, config.server);
  },
});
