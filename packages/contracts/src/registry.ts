import { aiEvents } from './ai/events.ts';
import { callAdminRoutes } from './calls/admin-routes.ts';
import { callEvents } from './calls/events.ts';
import { callsRealtime } from './calls/realtime.ts';
import { callRoutes } from './calls/routes.ts';
import { callRpcs } from './calls/rpcs.ts';
import {
  deadStream,
  type EventContract,
  eventDomain,
  type StreamContract,
  streamForDomain,
} from './event.ts';
import { gatewayAdminRoutes } from './gateway/admin-routes.ts';
import { gatewayEvents } from './gateway/events.ts';
import { identityAdminRoutes } from './identity/admin-routes.ts';
import { authRoutes } from './identity/auth-routes.ts';
import { deviceRoutes } from './identity/device-routes.ts';
import { identityEvents } from './identity/events.ts';
import { identityRpcs } from './identity/rpcs.ts';
import { partnerAdminRoutes } from './partner/admin-routes.ts';
import { partnerEvents } from './partner/events.ts';
import { partnerRoutes } from './partner/routes.ts';
import { partnerRpcs } from './partner/rpcs.ts';
import type { RealtimeContract } from './realtime.ts';
import type { RouteContract } from './route.ts';
import type { RpcContract } from './rpc.ts';
import { ticketAdminRoutes } from './tickets/admin-routes.ts';
import { ticketEvents } from './tickets/events.ts';
import { ticketRoutes } from './tickets/routes.ts';
import { ticketRpcs } from './tickets/rpcs.ts';
import { ticketStaffRoutes } from './tickets/staff-routes.ts';
import { webhookAdminRoutes } from './webhooks/admin-routes.ts';
import { webhookEvents } from './webhooks/events.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import { webhookRpcs } from './webhooks/rpcs.ts';

/** Everything that is promised, in one place: what the gateway routes, what is published, what can be asked. */
export const routes: readonly RouteContract[] = [
  partnerRoutes,
  callRoutes,
  ticketRoutes,
  webhookRoutes,
  authRoutes,
  deviceRoutes,
  identityAdminRoutes,
  partnerAdminRoutes,
  callAdminRoutes,
  ticketAdminRoutes,
  ticketStaffRoutes,
  webhookAdminRoutes,
  gatewayAdminRoutes,
].flatMap((group: Record<string, RouteContract>) => Object.values(group));

export const events: readonly EventContract[] = [
  ...Object.values(partnerEvents),
  ...Object.values(aiEvents),
  ...Object.values(webhookEvents),
  ...Object.values(gatewayEvents),
  ...Object.values(identityEvents),
  ...Object.values(ticketEvents),
  ...Object.values(callEvents),
];

export const rpcs: readonly RpcContract[] = [
  ...Object.values(partnerRpcs),
  ...Object.values(identityRpcs),
  ...Object.values(ticketRpcs),
  ...Object.values(callRpcs),
  ...Object.values(webhookRpcs),
];

/** What can be followed live, through the gateway. */
export const realtimes: readonly RealtimeContract[] = [callsRealtime];

const hasCommands = (domain: string): boolean =>
  rpcs.some((rpc) => !rpc.subject.startsWith('rpc.') && eventDomain(rpc.subject) === domain);
const aggregatesOf = (domain: string): readonly string[] => [
  ...new Set(
    events.filter(({ name }) => eventDomain(name) === domain).map(({ name }) => name.split('.')[1] ?? ''),
  ),
];

/** The streams of JetStream: one per domain that has events, and the dead messages. */
export const streams: readonly StreamContract[] = [
  ...[...new Set(events.map((event) => eventDomain(event.name)))].map((domain) =>
    streamForDomain(domain, hasCommands(domain) ? aggregatesOf(domain) : undefined),
  ),
  deadStream,
];
