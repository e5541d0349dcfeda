import type { Profile } from './types.ts';

/**
 * Lost attempts that are forgiven. Beyond them each one uses up a step like a failed one, so that an answer that
 * kills the process which reads it is not asked for without end.
 */
export const LOST_ATTEMPTS_MAX = 5;

/** The seconds each attempt waits for: the first after acceptance, the others after the end of the one before. */
export type Schedule = readonly number[];

export const partnerScheduleSeconds: Schedule = [0, 60, 300];
/** 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h (Standard Webhooks, "Retry schedule"). */
export const standardScheduleSeconds: Schedule = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/** Of deliveries whose endpoint has none of its own. */
export interface Schedules {
  readonly partner: Schedule;
  readonly standard: Schedule;
}

/** What a receiver may stretch a step of the schedule to with `Retry-After`. */
const STEP_STRETCH_MAX = 2;
/** How far a step varies either way, so that what failed together does not come back together. */
const JITTER_MAX = 0.2;

/** A factor for a step: callbacks keep the times that the guide promises, everything else varies by 20 % either way. */
export const stepFactor = (profile: Profile, random: () => number): number =>
  profile === 'partner' ? 1 : 1 + JITTER_MAX * (2 * random() - 1);

/**
 * When the next attempt is due after `step` steps of the schedule are used up.
 *
 * @param wishes.retryAfterSeconds what the receiver asked for; honoured up to twice the step
 * @param wishes.factor see `stepFactor`
 * @returns null when the schedule is at its end
 */
export const nextAttemptAt = (
  schedule: Schedule,
  step: number,
  now: Date,
  {
    retryAfterSeconds = 0,
    factor = 1,
  }: { readonly retryAfterSeconds?: number; readonly factor?: number } = {},
): Date | null => {
  const seconds = schedule[step];
  if (seconds === undefined) return null;
  const wait = Math.min(Math.max(seconds * factor, retryAfterSeconds), seconds * STEP_STRETCH_MAX);
  return new Date(now.getTime() + wait * 1000);
};

/** `Retry-After` of an answer in seconds from now: it is a number of seconds or a date. 0 when it says nothing. */
export const readRetryAfter = (value: string | readonly string[] | undefined, now: Date): number => {
  if (typeof value !== 'string') return 0;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now.getTime()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
};

/**
 * Steps used up once the attempt with this number has failed or got lost.
 *
 * @param attempt.attemptNumber all attempts up to and with this one, lost ones too
 * @param attempt.earlierAttempts those of them that were made before the schedule began anew
 */
export const stepAfter = (
  attempt: { readonly attemptNumber: number; readonly step: number; readonly earlierAttempts: number },
  outcome: 'failed' | 'lost',
): number => {
  const { attemptNumber, step, earlierAttempts } = attempt;
  const lostBefore = attemptNumber - 1 - earlierAttempts - step;
  return outcome === 'failed' || lostBefore >= LOST_ATTEMPTS_MAX ? step + 1 : step;
};
