import type { Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { createMemoryStore } from './memory-store.ts';
import { createRedisStore, type SharedLimitStore } from './redis-store.ts';

/** Counts in Redis when there is one, else in this process: exact for one gateway, not for several. */
export const createLimitStore = (options: {
  redisUrl: string | undefined;
  clock: Clock;
  log: Log;
}): SharedLimitStore => {
  const { redisUrl, clock, log } = options;
  if (redisUrl !== undefined) return createRedisStore({ url: redisUrl, clock, log });
  return {
    ...createMemoryStore(clock),
    isShared: () => false,
    ready: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
