export type { RealtimeConfig } from './config.ts';
export { createRealtimeEdge, type RealtimeEdge } from './edge.ts';
export { realtimeUpgrades, registerRealtimeRoutes } from './routes.ts';
export { createUpgrades } from './upgrades.ts';
