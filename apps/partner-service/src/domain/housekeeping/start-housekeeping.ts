import { startRepeatedTasks } from '@switchboard/service-kit';
import type { Config } from '../../config.ts';
import type { Data } from '../database.ts';
import { remindExpiring } from '../keys/remind-expiring.ts';
import { cleanLogs } from './clean-logs.ts';
import { recoverJobs } from './recover-jobs.ts';

/** Looks for stuck jobs every minute and for expiring keys every hour, and removes old logs every day. Gives the function that ends it. */
export const startHousekeeping = (data: Data, times: Config['housekeeping']): (() => Promise<void>) =>
  startRepeatedTasks(data.log, [
    {
      name: 'stuck jobs recovered',
      everyMs: 60_000,
      run: async () => ({ ...(await recoverJobs(data, times)) }),
    },
    {
      name: 'owners reminded of keys that expire',
      everyMs: 3_600_000,
      run: async (signal) => ({ reminded: await remindExpiring(data, signal) }),
    },
    {
      name: 'old logs removed',
      everyMs: 86_400_000,
      run: async (signal) => ({ ...(await cleanLogs(data, times.logRetentionDays, signal)) }),
    },
  ]);
