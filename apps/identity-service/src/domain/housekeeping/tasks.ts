import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { remindOfExpiry } from '../api-keys/remind-of-expiry.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = (deps: Deps): readonly RepeatedTask[] => [
  {
    name: 'owners of API keys that end soon were told',
    everyMs: 3_600_000,
    run: (signal) => remindOfExpiry(deps.data, signal),
  },
];
