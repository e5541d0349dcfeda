import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { removePending } from '../attachments/remove-pending.ts';
import { recordBreaches } from '../sla/record-breaches.ts';
import { cleanUsage } from './clean-usage.ts';
import { remindExpiring } from './remind-expiring.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = ({
  data,
  config,
  storage,
  feeds,
  sla,
}: Pick<Deps, 'data' | 'config' | 'storage' | 'feeds' | 'sla'>): readonly RepeatedTask[] => [
  {
    name: 'clocks of tickets that ran out recorded',
    everyMs: 5_000,
    run: async (signal) => ({ tickets: await recordBreaches({ config, data, feeds, sla }, signal) }),
  },
  {
    name: 'owners of tokens that end soon reminded',
    everyMs: 3_600_000,
    run: async (signal) => ({ reminders: await remindExpiring(data, signal) }),
  },
  {
    name: 'uploads that were broken off removed',
    everyMs: 600_000,
    run: async (signal) => ({ uploads: await removePending({ data, storage }, signal) }),
  },
  {
    name: 'old usage removed',
    everyMs: 86_400_000,
    run: async (signal) => ({
      requests: await cleanUsage(data, config.housekeeping.usageRetentionDays, signal),
    }),
  },
];
