import { pause } from '@switchboard/bus';
import type { Config } from '../../config.ts';
import type { Data } from '../database.ts';
import { cleanLogs } from './clean-logs.ts';
import { recoverJobs } from './recover-jobs.ts';

const RECOVER_EVERY_MS = 60_000;
const CLEAN_EVERY_MS = 86_400_000;

/** Between 0.5 and 1.5 times, so that replicas do not do everything at the same moment. */
const withJitter = (ms: number): number => ms * (0.5 + Math.random());

/** Runs a task again and again. The first time comes soon after the start, because a process may never live a day. */
const repeat = async (
  data: Data,
  what: { readonly name: string; readonly everyMs: number; readonly run: () => Promise<object> },
  signal: AbortSignal,
): Promise<void> => {
  await pause(withJitter(RECOVER_EVERY_MS), signal);
  while (!signal.aborted) {
    try {
      const figures = await what.run();
      if (Object.values(figures).some((count) => count > 0)) data.log.info({ ...figures }, what.name);
    } catch (error) {
      data.log.warn(
        { err: error, task: what.name },
        'A housekeeping task failed; it is tried again next time',
      );
    }
    await pause(withJitter(what.everyMs), signal);
  }
};

/** Looks for stuck jobs every minute and removes old logs every day. Gives the function that ends it. */
export const startHousekeeping = (data: Data, times: Config['housekeeping']): (() => Promise<void>) => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Promise.all([
    repeat(
      data,
      { name: 'stuck jobs recovered', everyMs: RECOVER_EVERY_MS, run: () => recoverJobs(data, times) },
      signal,
    ),
    repeat(
      data,
      {
        name: 'old logs removed',
        everyMs: CLEAN_EVERY_MS,
        run: () => cleanLogs(data, times.logRetentionDays, signal),
      },
      signal,
    ),
  ]);
  return async () => {
    stopping.abort();
    await running;
  };
};
