import { CallClientError } from './errors.ts';
import { readError } from './frames.ts';
import { wait } from './timing.ts';

export interface Credentials {
  readonly apiKey?: string | undefined;
  readonly apiSecret?: string | undefined;
  /** Instead of a key pair, e.g. `{ authorization: 'Bearer …' }`; a function is asked before each request. */
  readonly headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>) | undefined;
}
type HeaderValues = Readonly<Record<string, string>>;

export interface HttpOptions extends Credentials {
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** After the base URL. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: HeaderValues;
  /** Goes out even though the page is being left. */
  readonly keepalive?: boolean;
}

export interface Http {
  /** Gives `data` of the answer. Throws CallClientError. */
  request<Data>(request: HttpRequest): Promise<Data>;
}

const ATTEMPTS = 3;
const RETRY_AFTER_SECONDS_MAX = 5;
/** Nothing was done, or it may be done again: every POST here is safe to repeat, or carries an idempotency key. */
const isPassing = (status: number | undefined): boolean =>
  status === undefined || status === 502 || status === 503 || status === 504;

const addressOf = (baseUrl: string, { path, query = {} }: HttpRequest): string => {
  const url = new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  return url.href;
};

const errorOf = async (response: Response): Promise<CallClientError> => {
  const { status } = response;
  const body = Object(await response.json().catch(() => undefined)) as { error?: unknown };
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  if (body.error === undefined) {
    return new CallClientError('CONNECTION_ERROR', `The server answered ${status} without a word`, {
      status,
      retryAfterSeconds,
    });
  }
  const { code, message, details } = readError(body.error);
  return new CallClientError(code, message, { details, status, retryAfterSeconds });
};

/** Asks the API; what is in the way for a moment is tried again. */
export const createHttp = ({ baseUrl, apiKey, apiSecret, headers, timeoutMs }: HttpOptions): Http => {
  const credentials = async (): Promise<HeaderValues> => ({
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
    ...(apiSecret === undefined ? {} : { 'x-api-secret': apiSecret }),
    ...(typeof headers === 'function' ? await headers() : headers),
  });
  const once = async <Data>(request: HttpRequest): Promise<Data> => {
    const { method, body, keepalive = false } = request;
    const sent = {
      ...(await credentials()),
      ...request.headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const response = await fetch(addressOf(baseUrl, request), {
      method,
      headers: sent,
      keepalive,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new CallClientError('CONNECTION_ERROR', 'The server cannot be reached', { cause });
    });
    if (!response.ok) throw await errorOf(response);
    const answer = Object(await response.json().catch(() => undefined)) as { data?: Data };
    if (answer.data !== undefined) return answer.data;
    throw new CallClientError('CONNECTION_ERROR', 'The answer of the server was cut off', {});
  };
  return {
    async request<Data>(request: HttpRequest): Promise<Data> {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await once<Data>(request);
        } catch (error) {
          if (!(error instanceof CallClientError) || !isPassing(error.status)) throw error;
          const { retryAfterSeconds = 0 } = error;
          if (attempt >= ATTEMPTS || retryAfterSeconds > RETRY_AFTER_SECONDS_MAX) throw error;
          await wait(Math.max(retryAfterSeconds * 1000, 200 * 2 ** attempt * (0.5 + Math.random() / 2)));
        }
      }
    },
  };
};
