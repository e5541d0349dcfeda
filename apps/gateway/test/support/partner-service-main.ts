import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createUuidV7Ids, partnerRoutes } from '@switchboard/contracts';
import {
  createHttpServer,
  createInternalTokenVerifier,
  healthRoutes,
  implement,
  internalTokenBlock,
  loadConfig,
  logBlock,
  runService,
  serverBlock,
  setting,
  telemetryBlock,
  textField,
} from '@switchboard/service-kit';
import { z } from 'zod';

/*
 * A service as `npm start` runs it, small enough to be killed over and over: process, signals and drain are the kit's.
 * What it did it writes down before it answers, so that a test can count effects.
 */
const WORK_MS = 15;
const configSchema = z.object({
  server: serverBlock({ port: 3030 }),
  log: logBlock,
  telemetry: telemetryBlock,
  internalToken: internalTokenBlock,
  test: z.object({
    effectsFile: setting('EFFECTS_FILE', textField(), { description: 'Where effects are written down' }),
  }),
});
const ids = createUuidV7Ids();

await runService({
  name: 'partner-service',
  loadConfig: () => loadConfig(configSchema, process.env),
  async start({ config, log, clock, metrics, tracing, readiness, lifecycle }) {
    const app = createHttpServer({
      config: config.server,
      log,
      clock,
      metrics,
      tracing,
      readiness,
      verifyInternalToken: createInternalTokenVerifier({
        secrets: [config.internalToken.secret],
        service: 'partner-service',
        clock,
      }),
    });
    await app.register(healthRoutes, { readiness, metrics });
    implement(app, partnerRoutes.health, async ({ principal }) => {
      await pause(WORK_MS);
      return {
        status: 200,
        body: {
          status: 'ok',
          environment: principal.environment,
          partner_name: principal.partner_name,
          timestamp: clock.now().toISOString(),
          version: 'v1',
        },
      };
    });
    implement(app, partnerRoutes.createCompany, async ({ body }) => {
      await pause(WORK_MS);
      appendFileSync(config.test.effectsFile, `${body.name}\n`);
      return { status: 201, body: { company_id: ids.next(), status: 'created', message: 'Created' } };
    });
    await lifecycle.listen(app, config.server);
  },
});
