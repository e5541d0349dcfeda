import type { RouteContract } from '../route.ts';

/** `/api/admin/v1/partner-keys*` (spec: partner, "Admin"). */
export const partnerAdminRoutes = {} satisfies Record<string, RouteContract>;
