import type { RouteContract } from '@switchboard/contracts';

/** Where a browser comes by itself and is known by a cookie: the pages of the sign-in. */
const PATHS = ['/device', '/auth/v1/authorize', '/auth/v1/callback'];

/**
 * Whether cookies pass, inward and outward. Nowhere else: an API that never sees a cookie cannot be used by somebody
 * else's page in the name of its visitor.
 */
export const isForBrowsers = ({ path }: RouteContract): boolean =>
  PATHS.some((page) => path === page || path.startsWith(`${page}/`));
