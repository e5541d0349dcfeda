import { backoffMs, pause } from '@switchboard/bus';
import type { FinishedAttempt } from '../deliveries/types.ts';

export interface RecorderOptions {
  /** Writes all or none of them. */
  readonly write: (attempts: readonly FinishedAttempt[]) => Promise<void>;
  /** Called once an attempt is on record. */
  readonly onRecorded: (attempt: FinishedAttempt) => void;
  /** True for faults that pass by themselves: the database is away. */
  readonly isTransient: (error: unknown) => boolean;
  readonly onTrouble: (error: unknown, attempts: number) => void;
}

export interface Recorder {
  add(attempt: FinishedAttempt): void;
  /** Attempts that are not on record yet. */
  waiting(): number;
}

const BATCH_MAX = 200;

/** What can always be stored: the outcome without what the receiver answered. */
const withoutAnswer = ({ delivery, result }: FinishedAttempt): FinishedAttempt => ({
  delivery,
  result: { ...result, answer: result.answer && { status: result.answer.status, headers: {}, body: '' } },
});

/**
 * Writes finished attempts in groups: while one transaction runs, those that finish meanwhile gather for the next. A
 * lone attempt is written at once, and 2,000 a second share some hundred commits. While Postgres is away they wait
 * here; their slots stay taken, so no more are sent than can be remembered.
 */
export const createRecorder = (options: RecorderOptions): Recorder => {
  const queue: FinishedAttempt[] = [];
  let running = false;

  /** Throws transient faults only; anything else is told, and passed over. */
  const tryWrite = async (attempts: readonly FinishedAttempt[]): Promise<boolean> => {
    try {
      await options.write(attempts);
      return true;
    } catch (error) {
      options.onTrouble(error, attempts.length);
      if (options.isTransient(error)) throw error;
      return false;
    }
  };

  /** One answer that the database refuses must neither hold up the others nor be asked for again and again. */
  const writeGroup = async (group: readonly FinishedAttempt[]) => {
    if (await tryWrite(group)) return group.forEach(leave);
    for (const attempt of group) {
      if (!(await tryWrite([attempt]))) await tryWrite([withoutAnswer(attempt)]);
      leave(attempt);
    }
  };

  const leave = (attempt: FinishedAttempt) => {
    queue.splice(queue.indexOf(attempt), 1);
    options.onRecorded(attempt);
  };

  const run = async () => {
    running = true;
    for (let failures = 0; queue.length > 0; ) {
      try {
        await writeGroup(queue.slice(0, BATCH_MAX));
        failures = 0;
      } catch {
        failures += 1;
        await pause(backoffMs(failures, { firstMs: 100, maxMs: 3_000 }));
      }
    }
    running = false;
  };

  return {
    add(attempt) {
      queue.push(attempt);
      if (!running) void run();
    },
    waiting: () => queue.length,
  };
};
