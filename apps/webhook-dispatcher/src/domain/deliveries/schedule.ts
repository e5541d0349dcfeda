/**
 * Lost attempts that are forgiven. Beyond them each one uses up a step like a failed one, so that an answer that
 * kills the process which reads it is not asked for without end.
 */
export const LOST_ATTEMPTS_MAX = 5;

/** The seconds each attempt waits for: the first after acceptance, the others after the end of the one before. */
export type Schedule = readonly number[];

export const partnerScheduleSeconds: Schedule = [0, 60, 300];

/**
 * When the next attempt is due after `step` steps of the schedule are used up.
 *
 * @returns null when the schedule is at its end
 */
export const nextAttemptAt = (schedule: Schedule, step: number, now: Date): Date | null => {
  const seconds = schedule[step];
  return seconds === undefined ? null : new Date(now.getTime() + seconds * 1000);
};

/**
 * Steps used up once the attempt with this number has failed or got lost.
 *
 * @param attempt.attemptNumber all attempts up to and with this one, lost ones too
 */
export const stepAfter = (
  attempt: { readonly attemptNumber: number; readonly step: number },
  outcome: 'failed' | 'lost',
): number => {
  const lostBefore = attempt.attemptNumber - 1 - attempt.step;
  return outcome === 'failed' || lostBefore >= LOST_ATTEMPTS_MAX ? attempt.step + 1 : attempt.step;
};
