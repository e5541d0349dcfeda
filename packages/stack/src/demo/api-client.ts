import type { DemoKey } from '../local/secrets.ts';

/** The few calls the demo makes, over HTTP through the gateway, as anybody would. */
export interface ApiClient {
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Record<string, unknown>>;
  patch(path: string, body: unknown): Promise<Record<string, unknown>>;
}

const TIMEOUT_MS = 30_000;

/** An answer that is not 2xx: method, path, status and the answer's words. */
export class AnswerError extends Error {
  readonly status: number;

  constructor(what: string, status: number, words: string) {
    super(`${what} answered ${status}: ${words.slice(0, 500)}`);
    this.status = status;
  }
}

/** Throws AnswerError when an answer is not 2xx. */
export function createApiClient(url: string, headers: Readonly<Record<string, string>>): ApiClient {
  const call = async (method: string, path: string, init: RequestInit): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}${path}`, {
      ...init,
      method,
      headers: { ...headers, ...init.headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new AnswerError(`${method} ${path}`, response.status, text);
    return text === '' ? {} : JSON.parse(text);
  };
  const send = (method: string, path: string, body: unknown, more: Record<string, string> = {}) =>
    call(method, path, {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...more },
    });
  return {
    get: (path) => call('GET', path, {}),
    post: (path, body, more) => send('POST', path, body, more),
    patch: (path, body) => send('PATCH', path, body),
  };
}

/** As a partner, with the two headers of the guide. */
export const createPartnerClient = (baseUrl: string, key: DemoKey): ApiClient =>
  createApiClient(`${baseUrl}/api/partner/v1`, {
    authorization: `Bearer ${key.key}`,
    'x-api-secret': key.secret,
  });

/** A text field of an answer; an error that names it when it is not there. The answer is not repeated: it may hold a secret. */
export function textOf(answer: Record<string, unknown>, field: string): string {
  const value = answer[field];
  if (typeof value === 'string') return value;
  throw new Error(`the answer has no ${field}, only ${Object.keys(answer).join(', ')}`);
}

/** The first entry of a list in an answer that fits. */
export function findIn(
  answer: Record<string, unknown>,
  list: string,
  fits: (entry: Record<string, unknown>) => boolean,
): Record<string, unknown> | undefined {
  const entries = answer[list];
  return Array.isArray(entries) ? entries.find(fits) : undefined;
}
