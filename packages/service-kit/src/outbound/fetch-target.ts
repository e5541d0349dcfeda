import { type Dispatcher, request, errors as undiciErrors } from 'undici';
import { inSpan, type Tracing } from '../tracing/tracing.ts';
import { checkTargetUrl } from './check-target-url.ts';
import { TargetFailedError, TargetRefusedError } from './errors.ts';
import type { TargetPolicy } from './policy.ts';
import { createTargetAgent } from './target-agent.ts';

export interface FetchTargetOptions {
  readonly policy: TargetPolicy;
  /** From `createTargetAgent` with the same policy, to keep connections; one for this call when left out. */
  readonly agent?: Dispatcher;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For all of it: names, connecting, redirects, the last byte. */
  readonly timeoutMs: number;
  /** Most bytes of the answer's body that are read. */
  readonly bytesMax: number;
  /** What happens to a longer body: refuse it (default), or keep its beginning. */
  readonly overlong?: 'refuse' | 'cut';
  /** Redirects followed, each checked as the first URL was. 0 (default): a redirect is an answer like any other. */
  readonly redirectsMax?: number;
  /** Shows the call as a span of the current trace. */
  readonly tracing?: Tracing;
  /** Gives up early, at shutdown for instance. */
  readonly signal?: AbortSignal;
}

export interface TargetAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The body was longer than `bytesMax` and is cut. */
  readonly cut: boolean;
  /** What answered, after redirects. */
  readonly url: string;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

/** Reads at most `bytesMax`; nothing is inflated, so what is counted is all there is. */
const readBody = async (
  answer: Dispatcher.ResponseData,
  options: FetchTargetOptions,
): Promise<{ body: Buffer; cut: boolean }> => {
  const { bytesMax, overlong = 'refuse' } = options;
  const tooLarge = () => new TargetFailedError('too large', `the answer is larger than ${bytesMax} bytes`);
  const chunks: Buffer[] = [];
  let bytesSeen = 0;
  if (overlong === 'refuse' && Number(textOf(answer.headers['content-length']) ?? 0) > bytesMax) {
    await discard(answer);
    throw tooLarge();
  }
  for await (const chunk of answer.body) {
    const bytes: Buffer = chunk;
    chunks.push(bytes);
    bytesSeen += bytes.length;
    if (bytesSeen <= bytesMax) continue;
    // Leaving the loop destroys the stream and its connection.
    if (overlong === 'refuse') throw tooLarge();
    return { body: Buffer.concat(chunks).subarray(0, bytesMax), cut: true };
  }
  return { body: Buffer.concat(chunks), cut: false };
};

const discard = async (answer: Dispatcher.ResponseData): Promise<void> => {
  answer.body.on('error', () => {});
  answer.body.destroy();
};

const isEncoded = (answer: Dispatcher.ResponseData): boolean =>
  (textOf(answer.headers['content-encoding']) ?? 'identity').toLowerCase() !== 'identity';

const toTargetError = (error: unknown, options: FetchTargetOptions, timeout: AbortSignal): unknown => {
  if (error instanceof TargetRefusedError || error instanceof TargetFailedError) return error;
  if (timeout.aborted || error instanceof undiciErrors.ConnectTimeoutError) {
    const message = `no complete answer within ${options.timeoutMs / 1000} s`;
    return new TargetFailedError('timeout', message, { cause: error });
  }
  if (options.signal?.aborted)
    return new TargetFailedError('cancelled', 'the call was given up', { cause: error });
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return new TargetFailedError('connection', `the connection failed${code}`, { cause: error });
};

const withoutSecrets = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['authorization', 'cookie'].includes(name.toLowerCase())),
  );

const followRedirects = async (
  first: URL,
  agent: Dispatcher,
  signal: AbortSignal,
  options: FetchTargetOptions,
): Promise<TargetAnswer> => {
  const { policy, method = 'GET', redirectsMax = 0 } = options;
  let url = first;
  let headers = { ...options.headers, 'accept-encoding': 'identity' };
  for (let redirects = 0; ; redirects += 1) {
    const answer = await request(url, {
      dispatcher: agent,
      method,
      headers,
      body: options.body ?? null,
      signal,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
    });
    const location = textOf(answer.headers.location);
    if (
      method !== 'GET' ||
      redirectsMax === 0 ||
      !REDIRECTS.has(answer.statusCode) ||
      location === undefined
    ) {
      if (options.overlong !== 'cut' && isEncoded(answer)) {
        await discard(answer);
        throw new TargetFailedError('encoded', 'the answer is compressed although none was asked for');
      }
      const { body, cut } = await readBody(answer, options);
      return { status: answer.statusCode, headers: answer.headers, body, cut, url: url.href };
    }
    await discard(answer);
    if (redirects === redirectsMax) {
      throw new TargetFailedError('too many redirects', `more than ${redirectsMax} redirects`);
    }
    if (!URL.canParse(location, url)) throw new TargetRefusedError('syntax');
    const next = checkTargetUrl(new URL(location, url).href, policy);
    if (next.origin !== url.origin) headers = { ...withoutSecrets(headers), 'accept-encoding': 'identity' };
    url = next;
  }
};

const rejectOnAbort = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const callInTime = async (url: URL, options: FetchTargetOptions): Promise<TargetAnswer> => {
  const agent = options.agent ?? createTargetAgent(options.policy);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  const answer = followRedirects(url, agent, signal, options);
  try {
    // undici sees an abort only once a connection stands or fails; the caller must not wait for that.
    return await Promise.race([answer, rejectOnAbort(signal)]);
  } catch (error) {
    throw toTargetError(error, options, timeout);
  } finally {
    answer.catch(() => {});
    if (!options.agent) void agent.destroy();
  }
};

/**
 * Calls a URL that a caller gave us. Every hop is checked by the target rules, connections go to checked addresses only,
 * time and size are bounded, and compressed answers are not inflated.
 *
 * @throws {TargetRefusedError} the rules forbid it, now or after a redirect
 * @throws {TargetFailedError} it did not answer as it should
 */
export const fetchTarget = async (text: string, options: FetchTargetOptions): Promise<TargetAnswer> => {
  const url = checkTargetUrl(text, options.policy);
  const { tracing, method = 'GET' } = options;
  if (!tracing) return callInTime(url, options);
  const attributes = { 'http.request.method': method, 'server.address': url.hostname };
  return inSpan(tracing, `${method} ${url.hostname}`, { kind: 'client', attributes }, async (span) => {
    const answer = await callInTime(url, options);
    span.set({ 'http.response.status_code': answer.status });
    return answer;
  });
};
