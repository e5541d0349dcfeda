/** How long to wait before a crashed program is started again. */
export interface Backoff {
  firstMs: number;
  maxMs: number;
  /** A program that ran this long has recovered: its next crash counts as the first. */
  recoveredAfterMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 200, maxMs: 10_000, recoveredAfterMs: 30_000 };

/**
 * Doubling, with ±25 % of jitter so that programs that fell over together do not come back together.
 * `random` is in [0, 1).
 */
export function backoffDelay(backoff: Backoff, crashesInARow: number, random: number): number {
  const base = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(20, crashesInARow - 1));
  return Math.round(base * (0.75 + random * 0.5));
}
