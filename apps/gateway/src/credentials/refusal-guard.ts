import type { Clock } from '@switchboard/contracts';
import { addressGroup } from '@switchboard/service-kit';
import { LRUCache } from 'lru-cache';

const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 50_000;

interface Count {
  refused: number;
  windowEndsMs: number;
}

export interface RefusalQuota {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/**
 * Slows down whoever tries credentials: after `refusedPerMinute` refused ones from an address, credentials from it
 * that are not known to be good are not even looked at for a minute. Counted per process: it protects the look-up
 * behind it, and a shared count would cost every refusal a round trip.
 */
export const createRefusalGuard = (options: { clock: Clock; refusedPerMinute: number }) => {
  const { clock, refusedPerMinute } = options;
  const counts = new LRUCache<string, Count>({ max: ADDRESSES_MAX });
  /** Guesses without an answer yet; an address without any is not kept. */
  const underWay = new Map<string, number>();

  const countOf = (address: string): Count | undefined => {
    const count = counts.get(addressGroup(address));
    return count && clock.now().getTime() < count.windowEndsMs ? count : undefined;
  };

  return {
    quotaOf(address: string): RefusalQuota {
      const count = countOf(address);
      return {
        limit: refusedPerMinute,
        remaining: Math.max(0, refusedPerMinute - (count?.refused ?? 0)),
        resetMs: count ? count.windowEndsMs - clock.now().getTime() : WINDOW_MS,
      };
    },
    /**
     * Begins a guess that is judged later: guesses sent all at once are no more than one after another.
     *
     * @returns what ends it, whatever came of it; null when as many are under way as may still be wrong
     */
    beginGuess(address: string): (() => void) | null {
      const group = addressGroup(address);
      const others = underWay.get(group) ?? 0;
      if (others >= this.quotaOf(address).remaining) return null;
      underWay.set(group, others + 1);
      return () => {
        const left = (underWay.get(group) ?? 1) - 1;
        if (left === 0) underWay.delete(group);
        else underWay.set(group, left);
      };
    },
    countRefusal(address: string): void {
      const now = clock.now().getTime();
      const count = countOf(address);
      if (!count) {
        counts.set(addressGroup(address), { refused: 1, windowEndsMs: now + WINDOW_MS });
        return;
      }
      count.refused += 1;
      // "For a minute" is told from the refusal that was one too many.
      if (count.refused === refusedPerMinute) count.windowEndsMs = now + WINDOW_MS;
    },
  };
};
export type RefusalGuard = ReturnType<typeof createRefusalGuard>;
