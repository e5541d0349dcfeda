import { INTERNAL_TOKEN_HEADER } from '@switchboard/contracts';
import { REQUEST_ID_HEADER } from '@switchboard/service-kit';

/** RFC 9110, 7.6.1: for this connection only. `host` and `expect` are ours to say on the next one. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'host',
];

/** Said by the gateway alone; from outside they would impersonate. */
const OURS = [
  REQUEST_ID_HEADER,
  INTERNAL_TOKEN_HEADER,
  'traceparent',
  'tracestate',
  'idempotency-key',
  'x-idempotency-key',
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
];
const IMPERSONATING = ['x-principal', 'x-internal', 'x-forwarded-'];

/** Spellings seen before, so that a name is lower-cased and looked up once. Bounded: names are the callers' to choose. */
const SPELLINGS_MAX = 500;

const PLAIN_CONNECTION = /^(keep-alive|close)$/i;
const DESCRIBES_BODY = /^content-(length|type|encoding)$/i;

export interface InwardHeaders {
  readonly internalToken: string | undefined;
  readonly traceparent: string;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly idempotencyKey: string | undefined;
  /** False: the request has no body, and what describes one is left out. */
  readonly hasBody: boolean;
}

/**
 * Makes the headers that go inward: the caller's without those of the connection, credentials and whatever could
 * impersonate, and ours.
 *
 * @param credentialHeaders headers that carry credentials of any kind
 */
const createHeaderFilter = (credentialHeaders: readonly string[]) => {
  const dropped = new Set([...HOP_BY_HOP, ...OURS, ...credentialHeaders]);
  const spellings = new Map<string, boolean>();

  const passes = (name: string): boolean => {
    const known = spellings.get(name);
    if (known !== undefined) return known;
    const lower = name.toLowerCase();
    const verdict = !dropped.has(lower) && !IMPERSONATING.some((prefix) => lower.startsWith(prefix));
    if (spellings.size < SPELLINGS_MAX) spellings.set(name, verdict);
    return verdict;
  };

  /** @param connection the caller's Connection header: it may name more that is for this connection only */
  return (rawHeaders: readonly string[], connection: string | undefined, inward: InwardHeaders): string[] => {
    const named =
      connection === undefined || PLAIN_CONNECTION.test(connection)
        ? []
        : connection.split(',').map((name) => name.trim().toLowerCase());
    const out: string[] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? '';
      if (!passes(name)) continue;
      if (named.length > 0 && named.includes(name.toLowerCase())) continue;
      if (!inward.hasBody && DESCRIBES_BODY.test(name)) continue;
      out.push(name, rawHeaders[i + 1] ?? '');
    }
    if (inward.internalToken !== undefined) out.push(INTERNAL_TOKEN_HEADER, inward.internalToken);
    if (inward.idempotencyKey !== undefined) out.push('idempotency-key', inward.idempotencyKey);
    out.push(
      'traceparent',
      inward.traceparent,
      REQUEST_ID_HEADER,
      inward.requestId,
      'x-forwarded-for',
      inward.clientAddress,
    );
    return out;
  };
};

/** The filter of most routes, and that of the pages that know a browser by its cookie. */
export const createHeaderFilters = (credentialHeaders: readonly string[]) => ({
  withoutCookies: createHeaderFilter([...credentialHeaders, 'cookie']),
  withCookies: createHeaderFilter(credentialHeaders),
});
export type HeaderFilters = ReturnType<typeof createHeaderFilters>;
