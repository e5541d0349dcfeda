import type { Bus, Consumer, Log } from '@switchboard/bus';
import { parseTraceparent } from '@switchboard/contracts';
import type { DataContext } from '@switchboard/db';
import { createIdTracing, type Metrics, type SecretBox, type Tracing } from '@switchboard/service-kit';
import type { Config } from './config.ts';
import { startDeliveryRequested } from './consumers/delivery-requested.ts';
import { startMessagePublished } from './consumers/message-published.ts';
import { startTokenChanged } from './consumers/token-changed.ts';
import { createDeliveryStore, type RecordedAttempt } from './domain/deliveries/delivery-store.ts';
import type { EndpointChange, FinishedAttempt } from './domain/deliveries/types.ts';
import { type Engine, startEngine } from './domain/engine/engine.ts';
import { createLanes } from './domain/engine/lanes.ts';
import { startMembership } from './domain/engine/membership.ts';
import { createEngineMetrics } from './domain/engine/watch-engine.ts';
import { startReplays } from './domain/replays/start-replays.ts';
import { createSender } from './domain/sending/send-attempt.ts';
import { createTargets, type TargetSettings } from './domain/sending/targets.ts';
import { createSigner } from './domain/signing/create-signer.ts';
import { createSigningKeys, type SigningKeys } from './domain/signing/signing-keys.ts';
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
  /** Jitter comes from it. */
  readonly random?: () => number;
}

export interface Dispatcher {
  readonly engine: Engine;
  readonly signingKeys: SigningKeys;
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
  const { id: deliveryId, messageId, eventType, host, signing, attemptNumber, traceparent } = delivery;
  const traceId = parseTraceparent(traceparent ?? undefined)?.traceId;
  const { outcome, error, durationMs } = result;
  log.info(
    {
      deliveryId,
      messageId,
      eventType,
      ...(signing.profile === 'standard' ? { endpointId: signing.endpointId } : {}),
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

/** What an operator may have to look after, once it is so. */
const logTrouble = (
  log: Log,
  attempts: readonly RecordedAttempt[],
  changes: readonly EndpointChange[],
): void => {
  for (const { delivery, result, state } of attempts) {
    if (state.status !== 'exhausted') continue;
    const { id: deliveryId, messageId, owner, attemptNumber } = delivery;
    log.warn(
      { deliveryId, messageId, owner, attemptNumber, error: result.error },
      'a delivery is exhausted: nobody tries it again by itself',
    );
  }
  for (const { endpointId, change, ...more } of changes) {
    log.warn(
      { endpointId, ...more },
      change === 'disabled'
        ? 'an endpoint is disabled: what it would get is kept'
        : 'an endpoint keeps failing: its circuit is open',
    );
  }
};

/** All that sends: the consumers that store what is to be sent, the answer to who wants a retry, and the engine that makes attempts, in one process. */
export const startDispatcher = (deps: DispatcherDeps): Dispatcher => {
  const { ctx, bus, settings, random = Math.random } = deps;
  const schedules = { partner: settings.partnerScheduleSeconds, standard: settings.standardScheduleSeconds };
  const targets = createTargets({
    allowPrivate: settings.allowPrivateTargets,
    proxyUrl: settings.proxyUrl,
    dnsServers: settings.dnsServers,
    // Lanes bound what goes to one place. A bound here would let lanes to one host wait for each other.
    connectionsMax: settings.concurrency,
    ...(deps.resolve ? { resolve: deps.resolve } : {}),
  });
  const signingKeys = createSigningKeys(ctx, deps.box);
  const metrics = createEngineMetrics(deps.metrics);
  // Names this process in leases and among the dispatchers that live.
  const id = ctx.ids.next();
  const membership = startMembership({
    ctx,
    id,
    settleMs: (settings.timeoutSeconds + settings.leaseSeconds) * 1000,
    onChange: () => engine.poll(),
  });
  const lanes = createLanes({
    limits: {
      totalMax: settings.concurrency,
      perOwnerMax: settings.concurrencyPerOwner,
      perLaneMax: settings.concurrencyPerHost,
    },
    clock: ctx.clock,
    random,
    share: membership.share,
  });
  const engine = startEngine({
    store: createDeliveryStore({
      ctx,
      owner: id,
      leaseSeconds: settings.leaseSeconds,
      schedules,
      disableAfterHours: settings.disableAfterHours,
      random,
      isSettling: membership.isSettling,
      onRecorded(attempts, changes) {
        metrics.onRecorded(attempts, changes);
        logTrouble(ctx.log, attempts, changes);
      },
    }),
    send: createSender({
      targets,
      clock: ctx.clock,
      tracing: deps.tracing ?? createIdTracing(),
      onUnexpected: (error) => ctx.log.error({ err: error }, 'an attempt failed for an unknown reason'),
      sign: createSigner({ webhookSecret: settings.secret, box: deps.box, signingKeys }),
      timeoutMs: settings.timeoutSeconds * 1000,
    }),
    lanes,
    clock: ctx.clock,
    isSettling: membership.isSettling,
    pollMs: deps.pollMs ?? POLL_MS,
    heartbeatMs: (settings.leaseSeconds * 1000) / 3,
    onAttempt(attempt) {
      metrics.onAttempt(attempt);
      logAttempt(ctx.log, attempt);
    },
    onTrouble: (error, doing) =>
      ctx.log.warn({ err: error, doing }, 'Postgres is away or refused; trying on'),
  });
  metrics.watch({ engine, lanes, membership, clock: ctx.clock });
  const consumers = [
    startDeliveryRequested({ ctx, bus, engine, schedule: schedules.partner }),
    startMessagePublished({ ctx, bus, engine, schedule: schedules.standard }),
    startTokenChanged(ctx, bus),
  ];
  const responder = respondToRetry({ ctx, bus, engine, payloadDays: settings.payloadDays });
  const replays = startReplays(ctx, { payloadDays: settings.payloadDays });

  return {
    engine,
    signingKeys,
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
      await replays.stop();
      const deadlineSeconds = Math.min(CONSUMER_STOP_SECONDS_MAX, deadlineMs / 1000);
      await Promise.all(consumers.map((consumer) => consumer.stop({ deadlineSeconds })));
      await engine.stop({ deadlineMs: Math.max(1, Math.ceil(endMs - performance.now())) });
      await membership.stop();
      await targets.close();
    },
  };
};
