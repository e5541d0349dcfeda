import type { Bus } from '@switchboard/bus';
import { type Clock, ticketRpcs } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { continueFromLog, type HourQuestions } from './earlier-counts.ts';
import { createMemoryStore } from './memory-store.ts';
import { createRedisStore, type SharedLimitStore } from './redis-store.ts';

/** A request waits for this, once after a restart: better a little late than counted wrong. */
const HOUR_USAGE_TIMEOUT_MS = 2_000;

/** Who knows the counts of a group with clock hours. A new one is one line. */
const hourQuestions = (bus: Pick<Bus, 'request'>): HourQuestions => ({
  tickets: async (caller, hourStartedAt) => {
    const question = { token_id: caller, hour_started_at: hourStartedAt.toISOString() };
    const answer = await bus.request(ticketRpcs.hourUsage, question, { timeoutMs: HOUR_USAGE_TIMEOUT_MS });
    return answer.counted;
  },
});

/**
 * Counts in Redis when there is one, else in this process: exact for one gateway, not for several. Redis outlives a
 * restart of a gateway; without it the owners of the logs are asked for the counts of the running hour.
 */
export const createLimitStore = (options: {
  redisUrl: string | undefined;
  bus: Pick<Bus, 'request'>;
  clock: Clock;
  log: Log;
  redisTimeoutMs?: number | undefined;
}): SharedLimitStore => {
  const { redisUrl, bus, clock, log, redisTimeoutMs: commandTimeoutMs } = options;
  if (redisUrl !== undefined) return createRedisStore({ url: redisUrl, clock, log, commandTimeoutMs });
  const store = continueFromLog({
    store: createMemoryStore(clock),
    questions: hourQuestions(bus),
    clock,
    log,
  });
  return {
    ...store,
    isShared: () => false,
    ready: () => Promise.resolve(),
    close: async () => store.close(),
  };
};
