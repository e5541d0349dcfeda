import type { EndpointAnswer } from '@switchboard/contracts';
import type { EndpointDetails } from './endpoint-repository.ts';

const timeOrNull = (time: Date | null): string | null => time?.toISOString() ?? null;

/** An endpoint as administrators see it: no secret, no value of a header. */
export const toEndpointAnswer = (endpoint: EndpointDetails): EndpointAnswer => ({
  id: endpoint.id,
  owner: endpoint.owner,
  environment: endpoint.environment,
  url: endpoint.url,
  description: endpoint.description,
  event_types: [...endpoint.eventTypes],
  schedule_seconds: endpoint.scheduleSeconds && [...endpoint.scheduleSeconds],
  rate_per_second: endpoint.ratePerSecond,
  concurrency: endpoint.concurrency,
  header_names: [...endpoint.headerNames],
  status: endpoint.status,
  disabled_reason: endpoint.disabledReason,
  disabled_at: timeOrNull(endpoint.disabledAt),
  secrets: endpoint.secrets.map(({ id, createdAt, expiresAt }) => ({
    id,
    created_at: createdAt.toISOString(),
    expires_at: timeOrNull(expiresAt),
  })),
  last_sequence: endpoint.lastSequence,
  health: {
    failing_since: timeOrNull(endpoint.failingSince),
    consecutive_failures: endpoint.consecutiveFailures,
    last_success_at: timeOrNull(endpoint.lastSuccessAt),
    last_failure_at: timeOrNull(endpoint.lastFailureAt),
    last_error: endpoint.lastError,
    circuit_open_until: timeOrNull(endpoint.circuitOpenUntil),
  },
  created_at: endpoint.createdAt.toISOString(),
  updated_at: endpoint.updatedAt.toISOString(),
});
