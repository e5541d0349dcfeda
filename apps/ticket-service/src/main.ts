import { ATTACHMENT_BODY_BYTES_MAX } from '@switchboard/contracts';
import {
  createAnswerBox,
  createInternalTokenVerifier,
  createUploadBudget,
  openConnections,
  runService,
  secretsOf,
  startRepeatedTasks,
} from '@switchboard/service-kit';
import { countFaults, createUrlSigner, openStorage } from '@switchboard/storage';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';
import { startConsumers } from './consumers/index.ts';
import type { Deps } from './deps.ts';
import { createFeeds } from './domain/feed/feeds.ts';
import { housekeepingTasks } from './domain/housekeeping/tasks.ts';
import { createSearchCursors } from './domain/search/search-cursor.ts';
import { createSearchTurns } from './domain/search/search-turns.ts';
import { createPolicy } from './domain/sla/create-policy.ts';
import { startResponders } from './responders/index.ts';

const NAME = 'ticket-service';

await runService({
  name: NAME,
  loadConfig: readConfig,
  async start(boot) {
    const { config, log, clock, lifecycle } = boot;
    const { bus, ctx, watchConsumer } = await openConnections(boot, { service: NAME, schema: 'tickets' });
    const secrets = secretsOf(config.internalToken);
    const countFault = boot.metrics.counterBy(
      'storage_faults_total',
      'Files that could not be stored, read or deleted, and those that are missing',
      'fault',
    );
    const storage = countFaults(await openStorage(config.storage), countFault);
    // Tickets go on without their files: whoever is on the way to mend the storage is not to mend a service that does not start.
    storage.check().catch((err: unknown) => log.error({ err }, 'attachments cannot be stored'));
    const feeds = createFeeds({ bus, log });
    // Who waits is answered at once, and holds up no drain.
    lifecycle.onStopWork('change feeds', () => feeds.stop());
    const deps: Deps = {
      config,
      data: ctx,
      bus,
      feeds,
      searchCursors: createSearchCursors(secrets),
      searchTurns: createSearchTurns(),
      sla: createPolicy(config.sla),
      answerBox: createAnswerBox(secrets),
      storage,
      fileUrls: createUrlSigner({
        secrets,
        purpose: 'ticket attachments',
        publicUrl: config.edge.publicUrl,
        secondsValid: config.attachments.urlSeconds,
      }),
      uploads: createUploadBudget({
        bytesMax: config.attachments.bytesAtOnceMax,
        waitSeconds: config.attachments.waitSeconds,
        requestBytesMax: ATTACHMENT_BODY_BYTES_MAX,
        what: 'attachments',
      }),
    };
    // Stopped after HTTP is drained: until then the gateway may still ask.
    const responders = startResponders(bus, deps);
    lifecycle.onClose('responders', () => Promise.all(responders.map((responder) => responder.stop())));
    for (const consumer of startConsumers(deps, bus)) watchConsumer(consumer);
    lifecycle.onStopWork('housekeeping', startRepeatedTasks(log, housekeepingTasks(deps)));
    const verifyInternalToken = createInternalTokenVerifier({ secrets, service: NAME, clock });
    const app = buildApp({ ...deps, http: { ...boot, config: config.server, verifyInternalToken } });
    await lifecycle.listen(app, config.server);
  },
});
