/** Failures in a row after which an endpoint is left alone for a while. */
export const FAILURES_TO_OPEN = 10;
const OPEN_SECONDS_MIN = 30;
const OPEN_SECONDS_MAX = 300;
const JITTER_MAX = 0.2;

/**
 * Until when an endpoint that keeps failing is left alone: half as long as it has been failing, 30 s to 5 min, 20 % either
 * way. It depends on nothing but what is in the database, so that every dispatcher goes on where another one stopped.
 */
export const circuitOpenUntil = (failingSince: Date, now: Date, random: () => number): Date => {
  const failingSeconds = (now.getTime() - failingSince.getTime()) / 1000;
  const seconds = Math.min(OPEN_SECONDS_MAX, Math.max(OPEN_SECONDS_MIN, failingSeconds / 2));
  return new Date(now.getTime() + seconds * 1000 * (1 + JITTER_MAX * (2 * random() - 1)));
};
