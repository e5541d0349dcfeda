import { type Log, pause } from '@switchboard/bus';

/** Something a service does again and again beside its requests. */
export interface RepeatedTask {
  /** What was done, for the log. */
  readonly name: string;
  readonly everyMs: number;
  /** Gives figures: they are logged when one of them is not 0. */
  run(signal: AbortSignal): Promise<Readonly<Record<string, number>>>;
}

const FIRST_AFTER_MS = 60_000;

/** Between 0.5 and 1.5 times, so that replicas do not do everything at the same moment. */
const withJitter = (ms: number): number => ms * (0.5 + Math.random());

const repeat = async (log: Log, task: RepeatedTask, signal: AbortSignal): Promise<void> => {
  // Soon after the start, because a process may never live a day.
  await pause(withJitter(Math.min(task.everyMs, FIRST_AFTER_MS)), signal);
  while (!signal.aborted) {
    try {
      const figures = await task.run(signal);
      if (Object.values(figures).some((count) => count > 0)) log.info({ ...figures }, task.name);
    } catch (error) {
      if (!signal.aborted) {
        log.warn({ err: error, task: task.name }, 'A housekeeping task failed; it is tried again next time');
      }
    }
    await pause(withJitter(task.everyMs), signal);
  }
};

/** Runs tasks until the function that it gives is called; that one waits for those under way. */
export const startRepeatedTasks = (log: Log, tasks: readonly RepeatedTask[]): (() => Promise<void>) => {
  const stopping = new AbortController();
  const running = Promise.all(tasks.map((task) => repeat(log, task, stopping.signal)));
  return async () => {
    stopping.abort();
    await running;
  };
};
