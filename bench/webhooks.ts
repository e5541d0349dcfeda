import { createServer } from 'node:http';
import { type Bus, connectBus, silentLog } from '@switchboard/bus';
import { createUuidV7Ids, webhookEvents } from '@switchboard/contracts';
import { startNats, startPostgres, startService, waitFor } from '@switchboard/stack/testing';
import { cpuSeconds } from './support/cpu.ts';
import { percentile } from './support/figures.ts';

export interface WebhookFigures {
  /** Signed callbacks per second, attempts persisted, from a backlog of requests in JetStream. */
  readonly callbacksPerSecond: number;
  readonly callbacksPerDispatcherCpuSecond: number;
  /** At a steady rate: from publishing the request to the first attempt's arrival at the receiver. */
  readonly ratePerSecond: number;
  readonly acceptToFirstAttemptP50Ms: number;
  readonly acceptToFirstAttemptP99Ms: number;
  readonly bodyBytes: number;
}

interface Sink {
  readonly origins: readonly string[];
  readonly arrivedAtMs: Map<string, number>;
  close(): void;
}

const HOSTS = 20;
const TICK_MS = 10;
const WARM_UP = 500;

/** Receivers on as many ports as there are partners: the dispatcher bounds what it sends to one. */
const startSink = async (): Promise<Sink> => {
  const arrivedAtMs = new Map<string, number>();
  const servers = await Promise.all(
    Array.from({ length: HOSTS }, async () => {
      const server = createServer((request, response) => {
        arrivedAtMs.set(String(request.headers['webhook-id']), performance.now());
        request.resume();
        request.on('end', () => response.end('OK'));
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, '127.0.0.1', resolve);
      await promise;
      return server;
    }),
  );
  return {
    arrivedAtMs,
    origins: servers.map((server) => {
      const address = server.address();
      return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
    }),
    close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
};

/** About what the callback of a short call is long. */
const makeBody = (): string =>
  JSON.stringify({ status: 'completed', results: { transcript: 'word '.repeat(1_600), overall_score: 8.5 } });

/**
 * Callbacks per second, and how soon the first attempt of one comes, with Postgres (fsync on), nats-server, one
 * dispatcher, the load and the receivers all on this machine.
 */
export const benchWebhooks = async (
  options: { ratePerSecond?: number; seconds?: number; burst?: number } = {},
): Promise<WebhookFigures> => {
  const { ratePerSecond = 500, seconds = 15, burst = 6_000 } = options;
  const ids = createUuidV7Ids();
  const body = makeBody();
  const [postgres, nats, sink] = await Promise.all([
    startPostgres({ durable: true }),
    startNats(),
    startSink(),
  ]);
  const dispatcher = await startService('webhook-dispatcher', {
    DATABASE_URL: postgres.urlFor('webhooks'),
    NATS_URL: nats.url,
    WEBHOOK_SECRET: 'a-secret-of-the-benchmark-long-enough',
    WEBHOOK_ENCRYPTION_KEY: 'an-encryption-key-of-the-benchmark-long-enough',
    INTERNAL_TOKEN_SECRET: 'an-internal-secret-of-the-benchmark-long-enough',
    WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
    DRAIN_SECONDS: '0',
    LOG_LEVEL: 'warn',
  });
  let bus: Bus | undefined;
  try {
    await dispatcher.waitReady();
    const connected = await connectBus({ url: nats.url, name: 'bench', log: silentLog });
    bus = connected;
    const sentAtMs = new Map<string, number>();
    const request = async (index: number) => {
      const id = ids.next();
      sentAtMs.set(id, performance.now());
      await connected.publishEvent(
        webhookEvents.deliveryRequested,
        {
          profile: 'partner',
          message_id: id,
          event_type: 'partner.job.finished',
          url: sink.origins[index % HOSTS] ?? '',
          environment: 'sandbox',
          secret: { kind: 'partner', key_id: id, version: 1 },
          body,
        },
        { source: 'partner-service' },
      );
    };
    const all = () =>
      waitFor(() => sink.arrivedAtMs.size === sentAtMs.size, { what: 'all callbacks', timeoutMs: 120_000 });

    for (let index = 0; index < WARM_UP; index += 1) await request(index);
    await all();

    sentAtMs.clear();
    sink.arrivedAtMs.clear();
    const pending: Promise<void>[] = [];
    const startedMs = performance.now();
    for (let sent = 0; sent < ratePerSecond * seconds; ) {
      const due = Math.min(ratePerSecond * seconds, ((performance.now() - startedMs) / 1000) * ratePerSecond);
      for (; sent < due; sent += 1) pending.push(request(sent));
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await Promise.all(pending);
    await all();
    const delays = [...sentAtMs].map(([id, atMs]) => (sink.arrivedAtMs.get(id) ?? 0) - atMs);

    // A backlog gathers while the dispatcher is away; then it works at its own pace.
    await dispatcher.stop();
    sentAtMs.clear();
    sink.arrivedAtMs.clear();
    for (let index = 0; index < burst; index += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, offset) => request(index + offset)));
    }
    await dispatcher.restart();
    await waitFor(() => sink.arrivedAtMs.size > 0, {
      what: 'the first callback',
      timeoutMs: 30_000,
      intervalMs: 1,
    });
    const cpuBefore = cpuSeconds(dispatcher.pid);
    await all();
    const cpu = cpuSeconds(dispatcher.pid) - cpuBefore;
    const times = [...sink.arrivedAtMs.values()];
    const burstSeconds = (Math.max(...times) - Math.min(...times)) / 1000;
    return {
      callbacksPerSecond: burst / burstSeconds,
      callbacksPerDispatcherCpuSecond: burst / cpu,
      ratePerSecond,
      acceptToFirstAttemptP50Ms: percentile(delays, 0.5),
      acceptToFirstAttemptP99Ms: percentile(delays, 0.99),
      bodyBytes: Buffer.byteLength(body),
    };
  } finally {
    await dispatcher.stop();
    await bus?.close();
    await Promise.all([postgres.stop(), nats.stop()]);
    sink.close();
  }
};
