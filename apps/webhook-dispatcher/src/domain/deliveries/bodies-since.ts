const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What was accepted before this time has lost its body, or may lose it within the hour: it is not promised to anybody. */
export const bodiesSince = (now: Date, payloadDays: number): Date =>
  new Date(now.getTime() - payloadDays * DAY_MS + HOUR_MS);
