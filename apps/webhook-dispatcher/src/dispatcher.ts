import type { Bus, Consumer, Log } from '@switchboard/bus';
import { parseTraceparent } from '@switchboard/contracts';
import type { DataContext } from '@switchboard/db';
import { createIdTracing, type Metrics, type SecretBox, type Tracing } from '@switchboard/service-kit';
import type { Config } from './config.ts';
import { startDeliveryRequested } from './consumers/delivery-requested.ts';
import { startMessagePublished } from './consumers/message-published.ts';
import { backlogAgeSeconds } from './domain/deliveries/claim-deliveries.ts';
import { createDeliveryStore } from './domain/deliveries/delivery-store.ts';
import type { FinishedAttempt } from './domain/deliveries/types.ts';
import { type Engine, startEngine } from './domain/engine/engine.ts';
import { createEngineMetrics } from './domain/engine/watch-engine.ts';
import { createSender } from './domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from './domain/sending/targets.ts';
import { respondToRetry } from './responders/retry.ts';

export interface DispatcherDeps {
  readonly ctx: DataContext<'webhooks'>;
  readonly bus: Bus;
  readonly metrics: Metrics;
  /** Attempts are spans of it; without one, ids that travel on. */
  readonly tracing?: Tracing;
  readonly settings: Config['webhooks'];
  /** Opens secrets and headers of endpoints. */
  readonly box: SecretBox;
  /** Where addresses come from; the system's resolver by default. */
  readonly resolve?: TargetSettings['resolve'];
  readonly pollMs?: number;
}

export interface Dispatcher {
  readonly engine: Engine;
  /** What is asked for, and what is published to endpoints. */
  readonly consumers: readonly Consumer[];
  /** Messages that wait to be stored; null while NATS is away. */
  lag(): Promise<number | null>;
  /** Takes no more requests, then lets attempts end until the deadline and gives the others back. */
  stop(options: { readonly deadlineMs: number }): Promise<void>;
}

/** How often due retries, and what others left behind, are looked for. */
const POLL_MS = 500;
const CONSUMER_STOP_SECONDS_MAX = 5;

/** One line an attempt, found by its trace id. Never the whole URL: partners put tokens into theirs. */
const logAttempt = (log: Log, { delivery, result }: FinishedAttempt): void => {
  const { id: deliveryId, messageId, host, attemptNumber, traceparent } = delivery;
  const traceId = parseTraceparent(traceparent ?? undefined)?.traceId;
  const { outcome, error, durationMs } = result;
  log.info(
    {
      deliveryId,
      messageId,
      host,
      attemptNumber,
      outcome,
      error,
      durationMs,
      ...(traceId ? { traceId } : {}),
    },
    outcome === 'succeeded' ? 'an attempt succeeded' : 'an attempt did not succeed',
  );
};

/** All that sends: the consumers that store what is to be sent, the answer to who wants a retry, and the engine that makes attempts, in one process. */
export const startDispatcher = (deps: DispatcherDeps): Dispatcher => {
  const { ctx, bus, settings } = deps;
  const schedules = { partner: settings.partnerScheduleSeconds, standard: settings.standardScheduleSeconds };
  const targets = createTargets({
    allowPrivate: settings.allowPrivateTargets,
    proxyUrl: settings.proxyUrl,
    dnsServers: settings.dnsServers,
    // Lanes bound what goes to one place. A bound here would let lanes to one host wait for each other.
    connectionsMax: settings.concurrency,
    ...(deps.resolve ? { resolve: deps.resolve } : {}),
  });
  const metrics = createEngineMetrics(deps.metrics);
  const engine = startEngine({
    store: createDeliveryStore({
      ctx,
      owner: ctx.ids.next(),
      leaseSeconds: settings.leaseSeconds,
      schedules,
    }),
    send: createSender({
      targets,
      clock: ctx.clock,
      tracing: deps.tracing ?? createIdTracing(),
      onUnexpected: (error) => ctx.log.error({ err: error }, 'an attempt failed for an unknown reason'),
      webhookSecret: settings.secret,
      timeoutMs: settings.timeoutSeconds * 1000,
    }),
    limits: { totalMax: settings.concurrency, perLaneMax: settings.concurrencyPerHost },
    pollMs: deps.pollMs ?? POLL_MS,
    heartbeatMs: (settings.leaseSeconds * 1000) / 3,
    onAttempt(attempt) {
      metrics.onAttempt(attempt);
      logAttempt(ctx.log, attempt);
    },
    onTrouble: (error, doing) =>
      ctx.log.warn({ err: error, doing }, 'Postgres is away or refused; trying on'),
  });
  metrics.watch(engine, () => backlogAgeSeconds(ctx.db, ctx.clock.now()));
  const consumers = [
    startDeliveryRequested({ ctx, bus, engine, schedule: schedules.partner }),
    startMessagePublished({ ctx, bus, engine, schedule: schedules.standard }),
  ];
  const responder = respondToRetry({ ctx, bus, engine, payloadDays: settings.payloadDays });

  return {
    engine,
    consumers,
    async lag() {
      const lags = await Promise.all(consumers.map((consumer) => consumer.lag()));
      return lags.reduce<number | null>(
        (sum, lag) => (sum === null || lag === null ? null : sum + lag.pending + lag.ackPending),
        0,
      );
    },
    async stop({ deadlineMs }) {
      const endMs = performance.now() + deadlineMs;
      await responder.stop();
      const deadlineSeconds = Math.min(CONSUMER_STOP_SECONDS_MAX, deadlineMs / 1000);
      await Promise.all(consumers.map((consumer) => consumer.stop({ deadlineSeconds })));
      await engine.stop({ deadlineMs: Math.max(1, Math.ceil(endMs - performance.now())) });
      await targets.close();
    },
  };
};
