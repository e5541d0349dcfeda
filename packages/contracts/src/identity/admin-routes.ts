import type { RouteContract } from '../route.ts';

/** `/api/admin/v1`: users, API keys, signing keys, audit log, leaks (spec: identity, common contract). */
export const identityAdminRoutes = {} satisfies Record<string, RouteContract>;
