import { aiEvents } from './ai/events.ts';
import {
  deadStream,
  type EventContract,
  eventDomain,
  type StreamContract,
  streamForDomain,
} from './event.ts';
import { gatewayEvents } from './gateway/events.ts';
import { partnerEvents } from './partner/events.ts';
import { partnerRoutes } from './partner/routes.ts';
import { partnerRpcs } from './partner/rpcs.ts';
import type { RouteContract } from './route.ts';
import type { RpcContract } from './rpc.ts';
import { webhookEvents } from './webhooks/events.ts';

/** Everything that is promised, in one place: what the gateway routes, what is published, what can be asked. */
export const routes: readonly RouteContract[] = [...Object.values(partnerRoutes)];

export const events: readonly EventContract[] = [
  ...Object.values(partnerEvents),
  ...Object.values(aiEvents),
  ...Object.values(webhookEvents),
  ...Object.values(gatewayEvents),
];

export const rpcs: readonly RpcContract[] = [...Object.values(partnerRpcs)];

/** The streams of JetStream: one per domain that has events, and the dead messages. */
export const streams: readonly StreamContract[] = [
  ...[...new Set(events.map((event) => eventDomain(event.name)))].map(streamForDomain),
  deadStream,
];
