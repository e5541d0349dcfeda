/** The services behind the gateway that exist, and the local port each one has by default. */
export const services = {
  'partner-service': { port: 3030 },
  'ai-service': { port: 3050 },
  'webhook-dispatcher': { port: 3070 },
} as const satisfies Record<string, { port: number }>;

export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as readonly ServiceName[];
