import type { EndpointAnswer } from '@switchboard/contracts';
import { renderFields, renderMinute } from '../../../table.ts';

export const renderStatus = ({
  status,
  disabled_reason,
  health,
}: Pick<EndpointAnswer, 'status' | 'disabled_reason' | 'health'>): string => {
  if (status === 'disabled') return `disabled (${disabled_reason})`;
  if (health.circuit_open_until !== null) return 'circuit open';
  return health.failing_since === null ? 'enabled' : 'failing';
};

/** What to do about one that is disabled. */
export const renderEnabling = ({ id }: Pick<EndpointAnswer, 'id'>): string =>
  `switchboard webhooks endpoints enable ${id} --send-missed`;

const renderHealth = ({ health }: EndpointAnswer): string =>
  health.failing_since === null
    ? 'well'
    : `${health.consecutive_failures} failures since ${renderMinute(health.failing_since, '')}: ${health.last_error ?? ''}`;

export const renderEndpoint = (endpoint: EndpointAnswer): string =>
  renderFields([
    ['endpoint id', endpoint.id],
    ['url', endpoint.url],
    ['owner', endpoint.owner],
    ['environment', endpoint.environment],
    ['event types', endpoint.event_types.join(', ')],
    ['description', endpoint.description ?? ''],
    ['status', renderStatus(endpoint)],
    ...(endpoint.disabled_at === null
      ? []
      : [['disabled since', renderMinute(endpoint.disabled_at, '')] as const]),
    ['health', renderHealth(endpoint)],
    ...(endpoint.health.circuit_open_until === null
      ? []
      : [['sent to again', endpoint.health.circuit_open_until] as const]),
    ['last success', renderMinute(endpoint.health.last_success_at, 'never')],
    ['last sequence', String(endpoint.last_sequence)],
    ['schedule', endpoint.schedule_seconds?.map((seconds) => `${seconds} s`).join(', ') ?? 'default'],
    ['a second', String(endpoint.rate_per_second ?? 'any number')],
    ['at a time', String(endpoint.concurrency)],
    ['headers', endpoint.header_names.join(', ') || 'none of its own'],
    [
      'secrets',
      endpoint.secrets
        .map(({ created_at, expires_at }) =>
          expires_at === null
            ? `current, of ${renderMinute(created_at, '')}`
            : `old, signs until ${renderMinute(expires_at, '')}`,
        )
        .join('; '),
    ],
    ['made', renderMinute(endpoint.created_at, '')],
  ]);
