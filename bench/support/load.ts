import { Pool } from 'undici';

type LoadHeaders = Readonly<Record<string, string>>;

export interface LoadOptions {
  /** On loopback, always. */
  readonly url: string;
  readonly path: string;
  /** The same for all, or made for each. */
  readonly headers?: LoadHeaders | ((index: number) => LoadHeaders);
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  /** What counts as answered; default 200. */
  readonly statuses?: readonly number[];
  readonly connections: number;
  /** Bounds in both: it ends at whichever comes first. */
  readonly requests: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
}

/** Sends requests over so many connections, one at a time on each, until count or time is used up. */
export const runLoad = async (options: LoadOptions): Promise<LoadResult> => {
  const { connections, headers = {}, path, statuses = [200], method = 'GET', body = null } = options;
  const headersOf = typeof headers === 'function' ? headers : () => headers;
  if (new URL(options.url).hostname !== '127.0.0.1') throw new RangeError('load goes to loopback only');
  const pool = new Pool(options.url, { connections, pipelining: 1 });
  const startedMs = performance.now();
  const deadlineMs = startedMs + options.seconds * 1000;
  let left = options.requests;
  let failed = 0;
  const send = async () => {
    while (left > 0 && performance.now() < deadlineMs) {
      left -= 1;
      const answer = await pool.request({ method, path, body, headers: { ...headersOf(left) } });
      await answer.body.dump();
      if (!statuses.includes(answer.statusCode)) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  const seconds = (performance.now() - startedMs) / 1000;
  await pool.close();
  return { requests: options.requests - left, failed, seconds };
};
