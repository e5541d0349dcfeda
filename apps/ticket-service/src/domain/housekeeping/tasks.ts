import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { cleanUsage } from './clean-usage.ts';
import { remindExpiring } from './remind-expiring.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = ({
  data,
  config,
}: Pick<Deps, 'data' | 'config'>): readonly RepeatedTask[] => [
  {
    name: 'owners of tokens that end soon reminded',
    everyMs: 3_600_000,
    run: async (signal) => ({ reminders: await remindExpiring(data, signal) }),
  },
  {
    name: 'old usage removed',
    everyMs: 86_400_000,
    run: async (signal) => ({
      requests: await cleanUsage(data, config.housekeeping.usageRetentionDays, signal),
    }),
  },
];
