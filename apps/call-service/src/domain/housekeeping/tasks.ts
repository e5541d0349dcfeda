import type { RepeatedTask } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { removeMediaFrames } from './remove-media-frames.ts';
import { removeTickets } from './remove-tickets.ts';

/** What the service does again and again beside its requests. */
export const housekeepingTasks = ({ data }: Pick<Deps, 'data'>): readonly RepeatedTask[] => [
  {
    name: 'audio negotiation of calls that are over removed',
    everyMs: 600_000,
    run: async (signal) => ({ frames: await removeMediaFrames(data, signal) }),
  },
  {
    name: 'old tickets removed',
    everyMs: 600_000,
    run: async (signal) => ({ tickets: await removeTickets(data, signal) }),
  },
];
