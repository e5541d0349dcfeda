import type { RouteContract } from '../route.ts';

/** Device sign-in (RFC 8628), its page, and sign-in with other providers (spec: identity). */
export const deviceRoutes = {} satisfies Record<string, RouteContract>;
