import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import { type Clock, createUuidV7Ids, type DataOf, systemClock, webhookEvents } from '@switchboard/contracts';
import { createDatabase, createDataContext, type DataContext, startOutboxRelay } from '@switchboard/db';
import { createMetrics, createSecretBox, type Metrics } from '@switchboard/service-kit';
import { PATIENT_DATABASE } from '@switchboard/stack/testing';
import { sql } from 'kysely';
import type { Config } from '../../src/config.ts';
import { type Dispatcher, startDispatcher } from '../../src/dispatcher.ts';
import { persistRequests } from '../../src/domain/deliveries/persist-requests.ts';
import { partnerScheduleSeconds, standardScheduleSeconds } from '../../src/domain/deliveries/schedule.ts';
import { awkwardBody, ENCRYPTION_KEY, ids, KEY_ID, WEBHOOK_SECRET } from './deliveries.ts';

export type Request = DataOf<(typeof webhookEvents)['deliveryRequested']>;

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export const makeRequest = (url: string, changes: Partial<Request> = {}): Request => ({
  profile: 'partner',
  message_id: ids.next(),
  event_type: 'partner.job.finished',
  url,
  environment: 'sandbox',
  secret: { kind: 'partner', key_id: KEY_ID, version: 1 },
  body: awkwardBody,
  ...changes,
});

export interface AttemptRow {
  message_id: string;
  attempt_number: number;
  outcome: string;
  http_status: number | null;
  answer_headers: Record<string, string> | null;
  answer_body: string | null;
  duration_ms: number | null;
  error: string | null;
  attempted_at: Date;
}

export interface DeliveryRow {
  id: string;
  message_id: string;
  status: string;
  attempt_count: number;
  schedule_step: number;
  due_at: Date | null;
  lease_owner: string | null;
}

export interface TestDispatcher extends Dispatcher {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly metrics: Metrics;
  /** Publishes a request as partner-service does. */
  request(request: Request, eventId?: string): Promise<void>;
  /** Stores a request without telling the engine, as another process would. */
  store(request: Request): Promise<void>;
  attempts(): Promise<AttemptRow[]>;
  deliveries(): Promise<DeliveryRow[]>;
  emitted(): Promise<{ subject: string; data: Record<string, unknown>; traceparent: string | null }[]>;
  close(): Promise<void>;
}

export interface TestDispatcherOptions {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly clock?: Clock;
  readonly settings?: Partial<Config['webhooks']>;
  readonly pollMs?: number;
}

export const testSettings = (changes: Partial<Config['webhooks']> = {}): Config['webhooks'] => ({
  secret: WEBHOOK_SECRET,
  encryptionKey: ENCRYPTION_KEY,
  previousEncryptionKey: undefined,
  partnerScheduleSeconds,
  standardScheduleSeconds,
  timeoutSeconds: 30,
  allowPrivateTargets: true,
  proxyUrl: undefined,
  dnsServers: undefined,
  concurrency: 100,
  concurrencyPerHost: 20,
  concurrencyPerOwner: 100,
  disableAfterHours: 120,
  leaseSeconds: 30,
  payloadDays: 30,
  attemptDays: 90,
  ...changes,
});

/** A dispatcher in this process, on a real Postgres and NATS, with a clock that the test may move. */
export const startTestDispatcher = async (options: TestDispatcherOptions): Promise<TestDispatcher> => {
  const { clock = systemClock } = options;
  const database = createDatabase({
    url: options.databaseUrl,
    schema: 'webhooks',
    applicationName: 'webhook-dispatcher-test',
    ...PATIENT_DATABASE,
    log: silentLog,
  });
  const bus = await connectBus({ url: options.natsUrl, name: 'webhook-dispatcher-test', log: silentLog });
  const ctx = createDataContext({
    database,
    source: 'webhook-dispatcher',
    clock,
    ids: createUuidV7Ids(),
    log: silentLog,
  });
  const relay = startOutboxRelay(ctx, { bus });
  const metrics = createMetrics({ service: 'webhook-dispatcher' });
  const dispatcher = startDispatcher({
    ctx,
    bus,
    metrics,
    box: createSecretBox([ENCRYPTION_KEY], 'webhook endpoints'),
    pollMs: options.pollMs ?? 100,
    settings: testSettings(options.settings),
  });
  let closed = false;
  return {
    ...dispatcher,
    ctx,
    bus,
    metrics,
    async request(request, eventId) {
      await bus.publishEvent(webhookEvents.deliveryRequested, request, {
        source: 'partner-service',
        traceparent: TRACEPARENT,
        ...(eventId ? { id: eventId } : {}),
      });
    },
    async store(request) {
      const now = clock.now();
      await persistRequests(ctx.db, [{ id: ids.next(), request, traceparent: TRACEPARENT }], {
        now,
        schedule: partnerScheduleSeconds,
      });
    },
    attempts: async () =>
      (
        await sql<AttemptRow>`
          SELECT d.message_id, a.* FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
          ORDER BY d.message_id, a.attempt_number`.execute(ctx.db)
      ).rows,
    deliveries: async () =>
      (await sql<DeliveryRow>`SELECT * FROM webhook_deliveries ORDER BY message_id`.execute(ctx.db)).rows,
    emitted: async () =>
      (
        await sql<{ subject: string; data: Record<string, unknown>; traceparent: string | null }>`
          SELECT subject, data, traceparent FROM outbox ORDER BY position`.execute(ctx.db)
      ).rows,
    async close() {
      if (closed) return;
      closed = true;
      await dispatcher.stop({ deadlineMs: 1 });
      await relay.stop({ deadlineSeconds: 1 });
      await bus.close();
      await database.close();
    },
  };
};
