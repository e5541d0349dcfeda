import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = (_deps: Pick<Deps, 'data'>): readonly RepeatedTask[] => [];
