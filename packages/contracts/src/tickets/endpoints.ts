import { z } from 'zod';

/**
 * TERMINOLOGY — *endpoint*: method and path under the tickets surface, `POST /tickets`, as the guide writes it. *Endpoint
 * pattern*: an endpoint in which `*` or `:name` stands for one part of the path, and a `*` at its end for one or more;
 * `*` alone is every endpoint.
 */
export const TICKETS_PREFIX = '/functions/v1/integration-tickets';

// Not `.` and `..`: no path that arrives has them.
const PART = '(?:\\*|:[A-Za-z_][A-Za-z0-9_]*|(?!\\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)';
const ENDPOINT_PATTERN = new RegExp(`^(?:\\*|(?:\\*|GET|POST|PUT|PATCH|DELETE) (?:/|(?:/${PART}){1,10}/?))$`);

export const endpointPatternSchema = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(ENDPOINT_PATTERN, 'must be * or a method and a path such as POST /tickets or GET /tickets/*');

const partsOf = (path: string): readonly string[] => path.split('/').filter((part) => part !== '');

const isAny = (part: string | undefined): boolean =>
  part !== undefined && (part === '*' || part.startsWith(':'));

const matches = (pattern: string, method: string, parts: readonly string[]): boolean => {
  if (pattern === '*') return true;
  const [wantedMethod, wantedPath = ''] = pattern.split(' ');
  if (wantedMethod !== '*' && wantedMethod !== method) return false;
  const wanted = partsOf(wantedPath);
  const isOpen = wanted.at(-1) === '*';
  if (isOpen ? parts.length < wanted.length : parts.length !== wanted.length) return false;
  return wanted.every((part, index) => isAny(part) || part === parts[index]);
};

/** The path under the surface's prefix: `/tickets/:id`; the surface itself is `/`. */
const underPrefix = (path: string): string => `/${partsOf(path.slice(TICKETS_PREFIX.length)).join('/')}`;

/** An endpoint in the guide's form, of a route of the tickets surface. */
export const endpointOf = ({ method, path }: { readonly method: string; readonly path: string }): string =>
  `${method} ${underPrefix(path)}`;

/**
 * Whether a token's patterns let it ask for this. HEAD is the GET that it stands for.
 *
 * @param path as asked for, or the route's pattern, with the surface's prefix
 */
export const allowsEndpoint = (patterns: readonly string[], method: string, path: string): boolean => {
  const parts = partsOf(path.slice(TICKETS_PREFIX.length));
  const asked = method === 'HEAD' ? 'GET' : method;
  return patterns.some((pattern) => matches(pattern, asked, parts));
};
