import type { Clock } from '@switchboard/contracts';
import type { LimitStore } from './store.ts';

interface Window {
  count: number;
  endsMs: number;
}

/** Windows that are over are swept out when the map has grown to this, then to twice what was left, and so on. */
const SWEEP_AT = 10_000;

/**
 * Counts in this process: exact for one gateway. Windows that run are never thrown out, so memory grows with the
 * credentials used within a window (about 150 bytes each), not with requests.
 */
export const createMemoryStore = (clock: Clock): LimitStore => {
  const windows = new Map<string, Window>();
  let sweepAt = SWEEP_AT;

  const sweep = (nowMs: number): void => {
    for (const [key, window] of windows) if (window.endsMs <= nowMs) windows.delete(key);
    sweepAt = Math.max(SWEEP_AT, windows.size * 2);
  };

  const store: LimitStore = {
    incr(key, done, windowMs, limit) {
      const nowMs = clock.now().getTime();
      let window = windows.get(key);
      if (!window || window.endsMs <= nowMs) {
        if (windows.size >= sweepAt) sweep(nowMs);
        window = { count: 0, endsMs: nowMs + windowMs };
        windows.set(key, window);
      }
      const ttl = window.endsMs - nowMs;
      if (window.count >= limit) return done(null, { current: limit + 1, ttl });
      window.count += 1;
      done(null, { current: window.count, ttl });
    },
    read(key, done, windowMs) {
      const nowMs = clock.now().getTime();
      const window = windows.get(key);
      if (!window || window.endsMs <= nowMs) return done(null, { current: 0, ttl: windowMs });
      done(null, { current: window.count, ttl: window.endsMs - nowMs });
    },
    // One store counts for all groups and routes: the key tells them apart.
    child: () => store,
  };
  return store;
};
