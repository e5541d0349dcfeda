import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, in words that complete "gave up waiting for …". */
  what?: string;
  timeoutMs?: number;
  intervalMs?: number;
  /** Gives up at once when aborted. */
  signal?: AbortSignal;
}

/**
 * Polls until `probe` gives something truthy and returns that. A probe that throws counts as "not yet"; its last
 * error becomes the cause when time runs out.
 */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { what = 'a condition', timeoutMs = 45_000, intervalMs = 25, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    if (signal?.aborted) throw new Error(`gave up waiting for ${what}: asked to stop`);
    try {
      const value = await probe();
      if (isTruthy(value)) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      const reason = lastError instanceof Error ? `: ${lastError.message}` : '';
      throw new Error(`gave up waiting for ${what} after ${timeoutMs} ms${reason}`, { cause: lastError });
    }
    await sleep(intervalMs);
  }
}

function isTruthy<T>(value: T): value is Exclude<T, false | null | undefined | 0 | ''> {
  return Boolean(value);
}
