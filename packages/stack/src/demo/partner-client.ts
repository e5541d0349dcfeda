import type { DemoKey } from '../local/secrets.ts';

/** The few calls of the partner API the demo makes, over HTTP through the gateway, as a partner would. */
export interface PartnerClient {
  get(path: string): Promise<Record<string, unknown>>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Record<string, unknown>>;
}

const TIMEOUT_MS = 30_000;

/** Throws with method, path, status and the answer's words when the answer is not 2xx. */
export function createPartnerClient(baseUrl: string, key: DemoKey): PartnerClient {
  const call = async (method: string, path: string, init: RequestInit): Promise<Record<string, unknown>> => {
    const response = await fetch(`${baseUrl}/api/partner/v1${path}`, {
      ...init,
      method,
      headers: { authorization: `Bearer ${key.key}`, 'x-api-secret': key.secret, ...init.headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  };
  return {
    get: (path) => call('GET', path, {}),
    post: (path, body, headers = {}) =>
      call('POST', path, {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
  };
}

/** A text field of an answer; an error that names it when it is not there. */
export function textOf(answer: Record<string, unknown>, field: string): string {
  const value = answer[field];
  if (typeof value === 'string') return value;
  throw new Error(`the answer has no ${field}: ${JSON.stringify(answer).slice(0, 300)}`);
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
