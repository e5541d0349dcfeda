import { errors } from '@switchboard/contracts';

// Also because a time in the year 10,000, which an offset can make of 9999, is none that answers and events can say.
const YEARS_MAX = 100;

/**
 * When a credential shall end (`expires_at` of a body), as a time; null: never. One that is over already is a slip: it
 * would make a credential that was never good.
 *
 * @throws INVALID_INPUT
 */
export const readExpiry = (text: string | null | undefined, now: Date): Date | null => {
  if (text === null || text === undefined) return null;
  const expiresAt = new Date(text);
  const latest = new Date(now);
  latest.setUTCFullYear(now.getUTCFullYear() + YEARS_MAX);
  if (expiresAt <= now || expiresAt > latest) {
    throw errors.invalidInput([
      { field: 'expires_at', message: `must be in the future, and within ${YEARS_MAX} years` },
    ]);
  }
  return expiresAt;
};
