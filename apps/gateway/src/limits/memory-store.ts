import type { Clock } from '@switchboard/contracts';
import { type LimitStore, type Quota, type Taken, windowEndMs } from './store.ts';

interface Window {
  count: number;
  /** How many of the count were not taken here, but before this process began. */
  earlier: number;
  endsMs: number;
}

export interface MemoryStore extends LimitStore {
  take(quota: Quota): Taken;
  look(quota: Quota): Taken;
  /**
   * Adds what others counted in a clock hour.
   *
   * @param logged all that the log knows, which may hold some of what was taken here: only what is surely not of here is added
   */
  addEarlier(quota: Quota, hourEndMs: number, logged: number): void;
}

/** Callers whose windows are over are swept out when the map has grown to this, then to twice what was left, and so on. */
const SWEEP_AT = 10_000;

/**
 * Counts in this process: exact for one gateway. Windows that run are never thrown out, so memory grows with the
 * callers within a window (about 200 bytes each), not with requests.
 */
export const createMemoryStore = (clock: Clock): MemoryStore => {
  const callers = new Map<string, Window[]>();
  let sweepAt = SWEEP_AT;

  const sweep = (nowMs: number): void => {
    for (const [key, windows] of callers) {
      if (windows.every(({ endsMs }) => endsMs <= nowMs)) callers.delete(key);
    }
    sweepAt = Math.max(SWEEP_AT, callers.size * 2);
  };

  const keyOf = ({ group, caller }: Quota): string => `${group}:${caller}`;

  /** The windows as they are now; those that are over, or never began, as they would begin now. */
  const windowsAt = (quota: Quota, nowMs: number): Window[] => {
    const stored = callers.get(keyOf(quota));
    return quota.windows.map((window, index) => {
      const running = stored?.[index];
      if (running && running.endsMs > nowMs) return running;
      return { count: 0, earlier: 0, endsMs: windowEndMs(window, nowMs) };
    });
  };

  const store = (quota: Quota, windows: Window[], nowMs: number): void => {
    const key = keyOf(quota);
    if (callers.size >= sweepAt && !callers.has(key)) sweep(nowMs);
    callers.set(key, windows);
  };

  const answer = (taken: boolean, windows: readonly Window[], nowMs: number): Taken => ({
    taken,
    counts: windows.map(({ count, endsMs }) => ({ count, leftMs: endsMs - nowMs })),
  });

  return {
    take(quota) {
      const nowMs = clock.now().getTime();
      const windows = windowsAt(quota, nowMs);
      const hasRoom = quota.windows.every(({ limit }, index) => (windows[index]?.count ?? 0) < limit);
      if (hasRoom) {
        for (const window of windows) window.count += 1;
        store(quota, windows, nowMs);
      }
      return answer(hasRoom, windows, nowMs);
    },
    look(quota) {
      const nowMs = clock.now().getTime();
      return answer(false, windowsAt(quota, nowMs), nowMs);
    },
    addEarlier(quota, hourEndMs, logged) {
      const nowMs = clock.now().getTime();
      const windows = windowsAt(quota, nowMs);
      const hour = windows[quota.windows.findIndex(({ clockHour }) => clockHour)];
      if (hour?.endsMs !== hourEndMs) return;
      const takenHere = hour.count - hour.earlier;
      hour.earlier = Math.max(hour.earlier, logged - takenHere);
      hour.count = takenHere + hour.earlier;
      // Of a caller that is new here the other windows do not begin with this.
      store(
        quota,
        windows.map((window) => (window.count > 0 ? window : { ...window, endsMs: 0 })),
        nowMs,
      );
    },
  };
};
