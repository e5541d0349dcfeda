import { errors } from '@switchboard/contracts';

const YEARS_MAX = 100;

/**
 * When a token shall end, as a time. One that is over already would make a token that was never good.
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
