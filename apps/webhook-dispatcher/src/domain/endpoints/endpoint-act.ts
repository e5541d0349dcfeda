import type { AdminAct } from '@switchboard/contracts';
import type { EndpointRecord, EndpointSettings } from './endpoint-repository.ts';

/** What the audit log says of an endpoint's settings: names of headers, never their values. */
export const auditedSettings = (endpoint: EndpointSettings) => ({
  url: endpoint.url,
  description: endpoint.description,
  event_types: endpoint.eventTypes,
  schedule_seconds: endpoint.scheduleSeconds,
  rate_per_second: endpoint.ratePerSecond,
  concurrency: endpoint.concurrency,
  header_names: endpoint.headerNames,
});

/** An act on an endpoint, as the audit log names it. */
export const endpointAct = (
  verb: 'create' | 'update' | 'delete' | 'rotate' | 'disable' | 'enable' | 'test',
  endpoint: Pick<EndpointRecord, 'id' | 'owner'>,
  change: Pick<AdminAct, 'before' | 'after'>,
): Pick<AdminAct, 'action' | 'target' | 'before' | 'after'> => ({
  action: `webhook_endpoint.${verb}`,
  target: { type: 'webhook_endpoint', id: endpoint.id, name: endpoint.owner },
  ...change,
});
