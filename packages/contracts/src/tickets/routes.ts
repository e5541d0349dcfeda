import type { RouteContract } from '../route.ts';

/** The tickets surface, `/functions/v1/integration-tickets/*` (spec: tickets). */
export const ticketRoutes = {} satisfies Record<string, RouteContract>;
