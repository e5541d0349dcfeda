import { timestampOf } from '../standard-content.ts';
import type { Attempted } from './explain-repository.ts';
import type { Given } from './read-given.ts';
import type { Verdict } from './types.ts';

const describeSkew = (seconds: number): string =>
  seconds >= 0 ? `${seconds} s ago` : `${-seconds} s in the future`;

/** Whether a receiver takes the time of the signature, if it looks at it now. */
export const judgeClock = (
  { timestamp, partner, v1 }: Given,
  attempts: readonly Attempted[],
  { now, toleranceSeconds }: { readonly now: Date; readonly toleranceSeconds: number },
): Verdict => {
  if (timestamp === null) {
    const why =
      partner && v1.length === 0 ? 'X-Partner-Signature carries no time' : 'There is no time to look at';
    return { ok: null, detail: why };
  }
  const skewSeconds = Math.round(now.getTime() / 1000 - Number(timestamp));
  const attempt = attempts.find(({ attemptedAt }) => timestampOf(attemptedAt) === timestamp);
  const whose = attempt ? ` for attempt ${attempt.attemptNumber}, which is on record at that time` : '';
  const detail = `Signed ${describeSkew(skewSeconds)}${whose}; a receiver takes ${toleranceSeconds} s either way`;
  if (Math.abs(skewSeconds) <= toleranceSeconds) return { ok: true, detail };
  return {
    ok: false,
    detail,
    advice: attempt
      ? 'If the receiver refused it when it came, set its clock by NTP; if you look at it later only, raise the tolerance.'
      : 'Set the clock of the receiver by NTP; a request this old may also be one that somebody sends again to deceive you.',
  };
};
