import { startRepeatedTasks } from '@switchboard/service-kit';
import type { Config } from '../../config.ts';
import type { Data } from '../database.ts';
import { cleanLogs } from './clean-logs.ts';
import { recoverJobs } from './recover-jobs.ts';

/** Looks for stuck jobs every minute and removes old logs every day. Gives the function that ends it. */
export const startHousekeeping = (data: Data, times: Config['housekeeping']): (() => Promise<void>) =>
  startRepeatedTasks(data.log, [
    {
      name: 'stuck jobs recovered',
      everyMs: 60_000,
      run: async () => ({ ...(await recoverJobs(data, times)) }),
    },
    {
      name: 'old logs removed',
      everyMs: 86_400_000,
      run: async (signal) => ({ ...(await cleanLogs(data, times.logRetentionDays, signal)) }),
    },
  ]);
