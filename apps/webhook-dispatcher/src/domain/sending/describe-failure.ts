import { TargetFailedError, TargetRefusedError } from '@switchboard/service-kit';

const HOST_NOT_FOUND = 'host not found';
const NO_TLS_THAT_FITS = 'TLS: the target does not speak TLS that fits';

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset before an answer',
  EPIPE: 'connection reset before an answer',
  ENOTFOUND: HOST_NOT_FOUND,
  ENODATA: HOST_NOT_FOUND,
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
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is not as long as it says',
  CERT_HAS_EXPIRED: 'TLS: the certificate has expired',
  CERT_NOT_YET_VALID: 'TLS: the certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: the certificate chain ends in a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: the certificate is of an unknown issuer, or its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS: the certificate chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS: the certificate is of an unknown issuer',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: the certificate is for another name',
  CERT_REVOKED: 'TLS: the certificate was revoked',
  EPROTO: NO_TLS_THAT_FITS,
  // The only ones with a limit of their own for headers are the questions to the proxy.
  UND_ERR_HEADERS_TIMEOUT: 'the egress proxy did not answer',
  UND_ERR_PRX_CONN: 'the egress proxy closed the connection',
  UND_ERR_PRX_TLS: 'TLS: the certificate is for another name',
};

/** undici's words for answers that it ends the connection for. */
const UNASKED: Readonly<Record<string, string>> = {
  'bad response': 'the answer began with 100 Continue, which nobody asked for',
  'bad upgrade': 'the answer switches to another protocol',
};
/** What OpenSSL says of certificates (X509_V_ERR_…), beside those above. */
const CERTIFICATE_FAULT = /CERT|^CA_|_CA$|^EE_|^CRL_|ISSUER|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH/;
/** undici's words for a proxy that does not connect. */
const PROXY_REFUSAL = /^Proxy response \((\d{3})\)/;

/** Said when nothing is known. */
export const NO_WORDS = 'sending failed';
const NO_PROXY = 'the egress proxy cannot be reached';

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
  if (chain.some((one) => one instanceof TargetFailedError && one.reason === 'proxy')) return NO_PROXY;
  const status = chain.flatMap((one) =>
    one instanceof Error ? (PROXY_REFUSAL.exec(one.message) ?? []) : [],
  )[1];
  if (status !== undefined) return `the egress proxy did not connect: HTTP ${status}`;
  const unasked = chain.map((one) => (one instanceof Error ? UNASKED[one.message] : undefined)).find(Boolean);
  const code = chain.map(codeOf).find((one) => one !== undefined);
  const words = unasked ?? WORDS[code ?? ''];
  if (words !== undefined) return words;
  // The name server was silent, gave no address, or said what few say.
  if (chain.some((one) => one instanceof TargetFailedError && one.reason === 'unresolvable'))
    return HOST_NOT_FOUND;
  if (code === undefined) return NO_WORDS;
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return NO_TLS_THAT_FITS;
  if (CERTIFICATE_FAULT.test(code)) return 'TLS: the certificate cannot be verified';
  return `sending failed (${code})`;
};
