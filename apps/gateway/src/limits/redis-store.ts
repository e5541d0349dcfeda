import { createHash } from 'node:crypto';
import type { Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { Redis } from 'ioredis';
import { createMemoryStore } from './memory-store.ts';
import { askStore, type LimitStore, type Taken } from './store.ts';

/**
 * One round trip, and nothing between reading and counting: exact for any number of gateways. The time is Redis' own,
 * so gateways whose clocks differ agree on when a window ends.
 */
const SCRIPT = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, windowMs, counts = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local stored = redis.call('HMGET', KEYS[1], 'count', 'ends')
local count, endsMs = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
if endsMs <= nowMs then
  count, endsMs = 0, nowMs + windowMs
end
if not counts then return { count, endsMs - nowMs } end
if count >= limit then return { limit + 1, endsMs - nowMs } end
count = count + 1
redis.call('HSET', KEYS[1], 'count', count, 'ends', endsMs)
if count == 1 then redis.call('PEXPIREAT', KEYS[1], endsMs + 1000) end
return { count, endsMs - nowMs }
`;

const SCRIPT_SHA1 = createHash('sha1').update(SCRIPT).digest('hex');
// Longer than a busy event loop takes to read an answer that is there: whoever counts alone by mistake counts too few.
const COMMAND_TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 2_000;

export interface SharedLimitStore extends LimitStore {
  /** False while this process counts alone. */
  isShared(): boolean;
  /** Waits for the connection, but not long: without it this process counts alone. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Counts in Redis or Valkey, for all gateways together. While it is away each gateway counts alone, by the same
 * limits: callers are served, at worst as many times their limit as there are gateways, and the log and the metric
 * `gateway_limits_shared` say so. Nobody is refused because Redis is.
 */
export const createRedisStore = (options: { url: string; clock: Clock; log: Log }): SharedLimitStore => {
  const { clock, log } = options;
  const alone = createMemoryStore(clock);
  const redis = new Redis(options.url, {
    connectionName: 'switchboard-gateway',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A command that cannot go out now is counted alone at once, not queued.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1_000) + Math.random() * 100,
  });
  let shared = true;

  const noteAway = (error: unknown) => {
    if (shared) log.warn({ err: error }, 'Redis is away: this gateway counts its requests alone');
    shared = false;
  };
  const noteBack = () => {
    if (!shared) log.info({}, 'Redis is back: requests are counted for all gateways together');
    shared = true;
  };
  redis.on('error', noteAway);
  redis.on('close', () => noteAway(new Error('the connection closed')));
  redis.on('ready', noteBack);

  const runScript = async (key: string, ...values: number[]): Promise<unknown> => {
    try {
      return await redis.evalsha(SCRIPT_SHA1, 1, key, ...values);
    } catch (error) {
      // After a restart of Redis its scripts are gone: send the text again, once.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(SCRIPT, 1, key, ...values);
    }
  };

  const ask = async (
    question: 'incr' | 'read',
    key: string,
    windowMs: number,
    limit: number,
  ): Promise<Taken> => {
    if (redis.status === 'ready') {
      try {
        const counts = question === 'incr' ? 1 : 0;
        const answer = await runScript(`switchboard:limit:${key}`, limit, windowMs, counts);
        if (!Array.isArray(answer)) throw new TypeError('the limit script gave no list');
        noteBack();
        return { current: Number(answer[0]), ttl: Number(answer[1]) };
      } catch (error) {
        noteAway(error);
      }
    }
    return askStore(alone, question, key, windowMs, limit);
  };

  const store: SharedLimitStore = {
    incr: (key, done, windowMs, limit) =>
      void ask('incr', key, windowMs, limit).then((taken) => done(null, taken), done),
    read: (key, done, windowMs, limit) =>
      void ask('read', key, windowMs, limit).then((taken) => done(null, taken), done),
    child: () => store,
    ready: async () => {
      if (redis.status === 'ready') return;
      const waited = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CONNECT_TIMEOUT_MS);
        redis.once('ready', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      await waited;
    },
    isShared: () => shared && redis.status === 'ready',
    async close() {
      redis.disconnect();
    },
  };
  return store;
};
