/** Where time comes from. Injected everywhere, so leases, windows and expiry are tested without sleeping. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** A clock that tests move by hand. */
export const createManualClock = (startIso = '2026-01-01T00:00:00.000Z') => {
  let nowMs = Date.parse(startIso);
  return {
    now: () => new Date(nowMs),
    advance(seconds: number) {
      nowMs += seconds * 1000;
    },
    set(iso: string) {
      nowMs = Date.parse(iso);
    },
  };
};
