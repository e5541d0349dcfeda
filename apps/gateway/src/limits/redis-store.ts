import { createHash } from 'node:crypto';
import type { Clock } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import { Redis } from 'ioredis';
import { createMemoryStore } from './memory-store.ts';
import type { LimitStore, Quota, Taken, WindowCount } from './store.ts';

/**
 * One round trip, and nothing between reading and counting: exact for any number of gateways. The time is Redis' own,
 * so gateways whose clocks differ agree on when a window ends. All windows of a caller are in one hash: one key, so that
 * it works on a cluster too. Arguments: 1 to take or 0 to look, the time for tests (by which nothing expires), then limit, length and
 * clock hour (1 or 0) of each window; the answer: 1 when it was taken, then count and milliseconds left of each.
 */
const SCRIPT = `
local nowMs = tonumber(ARGV[2])
if not nowMs then
  local time = redis.call('TIME')
  nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
end
local fields = {}
for argument = 3, #ARGV, 3 do
  local window = (argument - 3) / 3
  fields[#fields + 1] = 'count' .. window
  fields[#fields + 1] = 'ends' .. window
end
local stored = redis.call('HMGET', KEYS[1], unpack(fields))
local taken, begins = ARGV[1] == '1', false
for argument = 3, #ARGV, 3 do
  local at = (argument - 3) / 3 * 2 + 1
  local count, endsMs = tonumber(stored[at] or 0), tonumber(stored[at + 1] or 0)
  if endsMs <= nowMs then
    local lengthMs = tonumber(ARGV[argument + 1])
    count, endsMs, begins = 0, nowMs + lengthMs, true
    if ARGV[argument + 2] == '1' then endsMs = nowMs - nowMs % lengthMs + lengthMs end
  end
  if count >= tonumber(ARGV[argument]) then taken = false end
  stored[at], stored[at + 1] = count, endsMs
end
local answer, changes, longestMs = { taken and 1 or 0 }, {}, 0
for at = 1, #stored, 2 do
  if taken then stored[at] = stored[at] + 1 end
  local leftMs = stored[at + 1] - nowMs
  longestMs = math.max(longestMs, leftMs)
  answer[#answer + 1] = stored[at]
  answer[#answer + 1] = leftMs
  changes[#changes + 1] = fields[at]
  changes[#changes + 1] = stored[at]
  changes[#changes + 1] = fields[at + 1]
  changes[#changes + 1] = stored[at + 1]
end
if taken then
  redis.call('HSET', KEYS[1], unpack(changes))
  if begins and ARGV[2] == '' then redis.call('PEXPIRE', KEYS[1], longestMs + 1000) end
end
return answer
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

export interface RedisStoreOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests, which cannot wait for Redis' own time to pass a minute or an hour: the clock's time instead. */
  readonly usesClock?: boolean;
  /** How long Redis may take to answer; default 1,500. */
  readonly commandTimeoutMs?: number | undefined;
}

const argumentsOf = ({ windows }: Quota): number[] =>
  windows.flatMap(({ limit, lengthMs, clockHour }) => [limit, lengthMs, clockHour ? 1 : 0]);

const takenOf = (answer: unknown): Taken => {
  if (!Array.isArray(answer)) throw new TypeError('the limit script gave no list');
  const counts: WindowCount[] = [];
  for (let at = 1; at < answer.length; at += 2) {
    counts.push({ count: Number(answer[at]), leftMs: Number(answer[at + 1]) });
  }
  return { taken: answer[0] === 1, counts };
};

/**
 * Counts in Redis or Valkey, for all gateways together. While it is away each gateway counts alone, by the same
 * limits: callers are served, at worst as many times their limit as there are gateways, and the log and the metric
 * `gateway_limits_shared` say so. Nobody is refused because Redis is.
 */
export const createRedisStore = (options: RedisStoreOptions): SharedLimitStore => {
  const { clock, log, usesClock = false, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
  const alone = createMemoryStore(clock);
  const redis = new Redis(options.url, {
    connectionName: 'switchboard-gateway',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: commandTimeoutMs,
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

  const runScript = async (key: string, values: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await redis.evalsha(SCRIPT_SHA1, 1, key, ...values);
    } catch (error) {
      // After a restart of Redis its scripts are gone: send the text again, once.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(SCRIPT, 1, key, ...values);
    }
  };

  const ask = async (question: 'take' | 'look', quota: Quota): Promise<Taken> => {
    if (redis.status === 'ready') {
      try {
        const answer = await runScript(`switchboard:limit:${quota.group}:${quota.caller}`, [
          question === 'take' ? 1 : 0,
          usesClock ? clock.now().getTime() : '',
          ...argumentsOf(quota),
        ]);
        const taken = takenOf(answer);
        noteBack();
        return taken;
      } catch (error) {
        noteAway(error);
      }
    }
    return alone[question](quota);
  };

  return {
    take: (quota) => ask('take', quota),
    look: (quota) => ask('look', quota),
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
};
