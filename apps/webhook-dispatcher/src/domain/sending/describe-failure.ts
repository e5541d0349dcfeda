import { TargetFailedError, TargetRefusedError } from '@switchboard/service-kit';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset before an answer',
  EPIPE: 'connection reset before an answer',
  ENOTFOUND: 'host not found',
  ENODATA: 'host not found',
  EAI_AGAIN: 'host not found: the name server did not answer',
  ETIMEOUT: 'host not found: the name server did not answer',
  ESERVFAIL: 'host not found: the name server failed',
  EREFUSED: 'host not found: the name server refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'host unreachable',
  ETIMEDOUT: 'connecting timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connecting timed out after 5000 ms',
  UND_ERR_SOCKET: 'connection closed before an answer',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  HPE: 'the answer is not HTTP',
  CERT_HAS_EXPIRED: 'TLS: the certificate has expired',
  CERT_NOT_YET_VALID: 'TLS: the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: the certificate chain ends in a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: the certificate chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS: the certificate chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS: the certificate is of an unknown issuer',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: the certificate is for another name',
  EPROTO: 'TLS: the target does not speak TLS that fits',
};

/** Said when nothing is known. */
export const NO_WORDS = 'sending failed';

const codeOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'HTTPParserError') return 'HPE';
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
};

/** The error and what caused it, outermost first; several addresses that failed count as the first of them. */
const chainOf = (error: unknown): readonly unknown[] => {
  const chain: unknown[] = [];
  let next: unknown = error;
  while (next !== undefined && next !== null && chain.length < 8) {
    chain.push(next);
    if (next instanceof AggregateError && next.errors.length > 0) next = next.errors[0];
    else next = next instanceof Error ? next.cause : undefined;
  }
  return chain;
};

/**
 * Why no answer came, in words that a partner reads in the webhook log and can act on. Nothing about our side
 * (addresses, paths, stack) is in them.
 */
export const describeFailure = (error: unknown): string => {
  const chain = chainOf(error);
  const refusal = chain.find((one) => one instanceof TargetRefusedError);
  if (refusal) return refusal.message;
  const code = chain.map(codeOf).find((one) => one !== undefined);
  if (code === undefined) {
    // The name server was silent, or gave no address.
    const unresolved = chain.some((one) => one instanceof TargetFailedError && one.reason === 'unresolvable');
    return unresolved ? 'host not found' : NO_WORDS;
  }
  const words = WORDS[code];
  if (words !== undefined) return words;
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return WORDS.EPROTO ?? code;
  return `sending failed (${code})`;
};
