import type { RouteContract } from '../route.ts';

/** `/api/admin/v1/integration-tokens*` (spec: tickets, "Admin"). */
export const ticketAdminRoutes = {} satisfies Record<string, RouteContract>;
