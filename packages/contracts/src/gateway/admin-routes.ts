import type { RouteContract } from '../route.ts';

/** What only the gateway can answer: why a credential is refused (spec: common contract). */
export const gatewayAdminRoutes = {} satisfies Record<string, RouteContract>;
