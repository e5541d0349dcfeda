/** The services behind the gateway that exist, and the local port each one has by default. */
export const services = {
  'identity-service': { port: 3010 },
  'call-service': { port: 3020 },
  'partner-service': { port: 3030 },
  'ticket-service': { port: 3040 },
  'ai-service': { port: 3050 },
  'webhook-dispatcher': { port: 3070 },
} as const satisfies Record<string, { port: number }>;

export type ServiceName = keyof typeof services;
/** Who answers a route: a service, or the gateway itself where only it knows the answer. */
export type RouteOwner = ServiceName | 'gateway';
export const serviceNames = Object.keys(services) as readonly ServiceName[];
