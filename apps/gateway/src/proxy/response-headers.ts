import type { IncomingHttpHeaders } from 'node:http';

/** Of this connection only, ours to say, or nobody's business. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'date',
  'server',
  'via',
  'x-powered-by',
  'x-request-id',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'ratelimit-policy',
]);
const DROPPED_PREFIXES = ['x-internal', 'x-principal', 'access-control-'];

const passes = (name: string): boolean =>
  !DROPPED.has(name) && !DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));

type HeaderValue = string | string[] | number;

/**
 * The headers of an answer as the caller gets it: the service's that may leave, and ours.
 *
 * @param theirs with lower-case names
 * @param ours win over theirs; `vary` is both
 */
export const outwardHeaders = (
  theirs: IncomingHttpHeaders,
  ours: Readonly<Record<string, HeaderValue | undefined>>,
): Record<string, HeaderValue> => {
  const out: Record<string, HeaderValue> = {};
  for (const name in theirs) {
    const value = theirs[name];
    if (value !== undefined && passes(name)) out[name] = value;
  }
  for (const name in ours) {
    const value = ours[name];
    if (value === undefined) continue;
    out[name] = name === 'vary' && out.vary !== undefined ? `${out.vary}, ${value}` : value;
  }
  return out;
};
