import { timingSafeEqual } from 'node:crypto';

/** Whether two hashes of secrets are the same, in a time that does not tell where they differ. */
export const isSameHash = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** The first of the ends that a credential has; null: it has none. */
export const earliest = (...times: readonly (Date | null)[]): Date | null =>
  times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null);
