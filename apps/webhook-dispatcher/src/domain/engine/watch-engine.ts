import type { Clock } from '@switchboard/contracts';
import type { Metrics } from '@switchboard/service-kit';
import type { RecordedAttempt } from '../deliveries/delivery-store.ts';
import type { EndpointChange, FinishedAttempt } from '../deliveries/types.ts';
import type { Engine } from './engine.ts';
import type { Lanes } from './lanes.ts';
import type { Membership } from './membership.ts';

export interface Watched {
  readonly engine: Pick<Engine, 'inFlight' | 'oldestDueAt'>;
  readonly lanes: Pick<Lanes, 'paused' | 'open'>;
  readonly membership: Pick<Membership, 'live'>;
  readonly clock: Clock;
}

export interface EngineMetrics {
  onAttempt(attempt: FinishedAttempt): void;
  onRecorded(attempts: readonly RecordedAttempt[], changes: readonly EndpointChange[]): void;
  watch(watched: Watched): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What operators see of the sending. */
export const createEngineMetrics = (metrics: Metrics): EngineMetrics => {
  const countAttempt = metrics.counterBy('webhook_attempts_total', 'Attempts by outcome', 'outcome');
  const countExhausted = metrics.counterBy(
    'webhook_deliveries_exhausted_total',
    'Deliveries that nobody tries again by itself, by profile',
    'profile',
  );
  const countDisabled = metrics.counterBy(
    'webhook_endpoints_disabled_total',
    'Endpoints that were disabled because of their answers, by reason',
    'reason',
  );
  const observeDuration = metrics.histogram(
    'webhook_attempt_duration_seconds',
    'Time receivers take, connecting included',
    SECONDS,
  );
  const observeFirst = metrics.histogram(
    'webhook_first_attempt_delay_seconds',
    'From the acceptance of a message to the start of its first attempt',
    SECONDS,
  );
  return {
    onAttempt({ delivery, result }) {
      countAttempt(result.outcome);
      if (result.durationMs !== null) observeDuration(result.durationMs / 1000);
      if (delivery.attemptNumber === 1) {
        observeFirst(Math.max(0, result.attemptedAt.getTime() - delivery.createdAt.getTime()) / 1000);
      }
    },
    onRecorded(attempts, changes) {
      for (const { delivery, state } of attempts) {
        if (state.status === 'exhausted') countExhausted(delivery.signing.profile);
      }
      for (const one of changes) if (one.change === 'disabled') countDisabled(one.reason);
    },
    watch({ engine, lanes, membership, clock }) {
      metrics.gauge('webhook_attempts_in_flight', 'Attempts that run or are being recorded', () =>
        engine.inFlight(),
      );
      metrics.gauge(
        'webhook_backlog_age_seconds',
        'How long the oldest due delivery had waited for somebody to take it, at the last look',
        () => {
          const dueAt = engine.oldestDueAt();
          return dueAt === null ? 0 : Math.max(0, clock.now().getTime() - dueAt.getTime()) / 1000;
        },
      );
      metrics.gauge('webhook_lanes_paused', 'Targets left alone for a moment because they asked for it', () =>
        lanes.paused(),
      );
      metrics.gauge(
        'webhook_lanes_open',
        'Endpoints whose circuit is open, as far as this process knows',
        () => lanes.open(),
      );
      metrics.gauge('webhook_dispatchers_live', 'Dispatchers that share the work', () => membership.live());
    },
  };
};
