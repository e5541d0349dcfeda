import type { DataContext, Tools } from '@switchboard/db';
import { isGone } from '../deliveries/record-attempts.ts';
import type { EndpointChange, FinishedAttempt, LaneHealth } from '../deliveries/types.ts';
import { disableEndpoint } from '../endpoints/disable-endpoint.ts';
import { circuitOpenUntil, FAILURES_TO_OPEN } from './circuit.ts';
import {
  type EndpointHealth,
  type EndpointOutcomes,
  noteOutcomes,
  openCircuit,
} from './health-repository.ts';

const HOUR_MS = 3_600_000;

interface EndpointAttempts extends EndpointOutcomes {
  readonly gone: boolean;
}

/** A lost attempt says nothing about the endpoint. */
const outcomesOf = (attempts: readonly FinishedAttempt[]): readonly EndpointAttempts[] => {
  const byEndpoint = new Map<string, EndpointAttempts>();
  for (const { delivery, result } of attempts) {
    if (delivery.signing.profile !== 'standard' || result.outcome === 'lost') continue;
    const { endpointId } = delivery.signing;
    const before = byEndpoint.get(endpointId);
    const succeeded = result.outcome === 'succeeded';
    byEndpoint.set(endpointId, {
      endpointId,
      succeeded: succeeded || (before?.succeeded ?? false),
      failures: succeeded ? 0 : (before?.failures ?? 0) + 1,
      lastError: result.error ?? before?.lastError ?? null,
      gone: isGone(delivery, result) || (before?.gone ?? false),
    });
  }
  return [...byEndpoint.values()];
};

export interface JudgeOptions {
  readonly ctx: Pick<DataContext<'webhooks'>, 'clock' | 'ids'>;
  readonly disableAfterHours: number;
  readonly random: () => number;
}

export interface JudgedEndpoints {
  /** The circuits of all whose health was written. */
  readonly healths: readonly LaneHealth[];
  readonly changes: readonly EndpointChange[];
}

/**
 * Keeps the health of endpoints, in the transaction that records attempts to them: opens and closes their circuits, and
 * disables those that say they are gone, or that gave nothing but failures for five days.
 */
export const judgeEndpoints = async (
  tools: Tools<'webhooks'>,
  attempts: readonly FinishedAttempt[],
  { ctx, disableAfterHours, random }: JudgeOptions,
): Promise<JudgedEndpoints> => {
  const outcomes = outcomesOf(attempts);
  if (outcomes.length === 0) return { healths: [], changes: [] };
  const now = ctx.clock.now();
  const byEndpoint = new Map(outcomes.map((one) => [one.endpointId, one]));
  const written = await noteOutcomes(tools.trx, outcomes, now);

  const reasonToDisable = ({ endpointId, failingSince }: EndpointHealth) => {
    if (byEndpoint.get(endpointId)?.gone) return 'gone';
    const failingMs = failingSince === null ? 0 : now.getTime() - failingSince.getTime();
    return failingMs >= disableAfterHours * HOUR_MS ? 'failing' : null;
  };
  const healths: LaneHealth[] = [];
  const changes: EndpointChange[] = [];
  for (const health of written) {
    const { endpointId, failingSince, failures } = health;
    let { openUntil } = health;
    const reason = reasonToDisable(health);
    if (reason !== null) {
      const lastError = byEndpoint.get(endpointId)?.lastError ?? null;
      const disabled = await disableEndpoint(tools, ctx, { endpointId, reason, lastError });
      if (disabled) changes.push({ endpointId, change: 'disabled', reason });
    } else if (
      failingSince !== null &&
      failures >= FAILURES_TO_OPEN &&
      (openUntil === null || openUntil <= now)
    ) {
      // Not while it is open: what was on its way then does not make it longer.
      openUntil = circuitOpenUntil(failingSince, now, random);
      await openCircuit(tools.trx, endpointId, openUntil);
      changes.push({ endpointId, change: 'circuit opened', until: openUntil });
    }
    healths.push({ lane: endpointId, openUntil });
  }
  return { healths, changes };
};
