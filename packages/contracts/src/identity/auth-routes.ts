import type { RouteContract } from '../route.ts';

/** Supabase-Auth compatible routes, `/auth/v1/*` (spec: identity). */
export const authRoutes = {} satisfies Record<string, RouteContract>;
