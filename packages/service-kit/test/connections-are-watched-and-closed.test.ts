import {
  createUuidV7Ids,
  type Ids,
  parseTraceparent,
  partnerRpcs,
  systemClock,
} from '@switchboard/contracts';
import {
  type BusConfig,
  createHttpServer,
  createIdTracing,
  createLifecycle,
  createMetrics,
  createReadiness,
  type DatabaseConfig,
  healthRoutes,
  loadConfig,
  logBlock,
  openConnections,
  runInWork,
  type ServiceConfig,
  serverBlock,
  telemetryBlock,
} from '@switchboard/service-kit';
import {
  createTestDatabase,
  resetNats,
  type TestDatabase,
  testNatsUrl,
  waitFor,
} from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createReadableLog, timeouts } from './helpers.ts';

let testDatabase: TestDatabase;
beforeAll(async () => {
  await resetNats();
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };

const bootService = async () => {
  const { log, lines } = createReadableLog();
  const shared = loadConfig(
    z.object({ server: serverBlock({ port: 0 }), log: logBlock, telemetry: telemetryBlock }),
    { DRAIN_SECONDS: '0' },
  );
  const config: ServiceConfig & { database: DatabaseConfig; bus: BusConfig } = {
    ...shared,
    database: { url: testDatabase.urlFor('partner'), poolMax: 3 },
    bus: { url: testNatsUrl() },
  };
  const clock = systemClock;
  const ids: Ids = createUuidV7Ids(clock);
  const metrics = createMetrics({ service: 'partner-service' });
  const readiness = createReadiness();
  const tracing = createIdTracing();
  const lifecycle = createLifecycle({ log, readiness, drainSeconds: 0, shutdownSeconds: 60 });
  const boot = { config, log, clock, ids, metrics, tracing, readiness, lifecycle };
  const connections = await openConnections(boot, { service: 'partner-service', schema: 'partner' });
  const app = createHttpServer({ config: timeouts, log, clock, metrics, tracing, readiness });
  app.register(healthRoutes, { readiness, metrics });
  readiness.markStarted();
  return { ...connections, app, lifecycle, lines };
};

test('database and bus decide about readiness, and are seen in the metrics', async () => {
  const { app, lifecycle } = await bootService();
  const ready = await waitFor(
    async () => {
      const answer = await app.inject('/readyz');
      return answer.statusCode === 200 && answer.json();
    },
    { what: 'the service to be ready' },
  );
  expect(ready).toEqual({ status: 'ready', checks: { database: 'ok', bus: 'ok' } });
  // The relay looks at the outbox several times a second, and uses a connection meanwhile.
  const told = [
    /^database_pool_connections\{state="idle",service="partner-service"\} [1-3]$/m,
    /^outbox_oldest_age_seconds\{service="partner-service"\} 0$/m,
  ];
  await waitFor(
    async () => {
      const metrics = (await app.inject('/metrics')).body;
      return told.every((line) => line.test(metrics));
    },
    { what: 'the metrics of pool and outbox' },
  );
  expect(await lifecycle.shutdown('the test is over')).toBe(true);
  const after = await app.inject('/readyz');
  expect([after.statusCode, after.json().checks]).toEqual([503, { database: 'failed', bus: 'failed' }]);
});

test('a trace goes on over a question to another service', async () => {
  const { bus, lifecycle, lines, app } = await bootService();
  const seen: (string | undefined)[] = [];
  bus.respond(partnerRpcs.audioChunk, async (_input, { traceparent }) => {
    seen.push(traceparent);
    app.log.info('answering');
    return { data: '' };
  });
  await waitFor(() => bus.isConnected());
  const question = { job_id: '01936d5e-0000-7000-8000-000000000001', offset: 0 };
  await runInWork({ trace: TRACE }, () =>
    bus.request(partnerRpcs.audioChunk, question, { timeoutMs: 30_000 }),
  );
  expect(parseTraceparent(seen[0])?.traceId).toBe(TRACE.traceId);
  expect(lines.find(({ msg }) => msg === 'answering')).toMatchObject({ traceId: TRACE.traceId });
  expect(await lifecycle.shutdown('the test is over')).toBe(true);
});
