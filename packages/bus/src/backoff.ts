export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before try number `attempt` (from 1): doubling, with half of it random, so that many processes
 * that failed together do not come back together.
 */
export const backoffMs = (attempt: number, { firstMs, maxMs }: Backoff, random = Math.random): number => {
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(fullMs / 2 + (fullMs / 2) * random());
};

/** Waits, or less when the signal comes first. Never throws. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
