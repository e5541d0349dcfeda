import type { FastifyRateLimitStore } from '@fastify/rate-limit';

/**
 * TERMINOLOGY — *window*: begins with the first request counted in it and lasts a fixed time; the next one begins with
 * the first request after its end. *Take*: count one request, if there is room.
 */
export interface Taken {
  /** Requests counted in the window with this one; `limit + 1` when there was no room and none was counted. */
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
}

type Done = (error: Error | null, taken?: Taken) => void;

/** A store of @fastify/rate-limit: `incr` takes, `read` looks without counting. Both may call back at once. */
export interface LimitStore extends FastifyRateLimitStore {
  incr(key: string, done: Done, windowMs: number, limit: number): void;
  read(key: string, done: Done, windowMs: number, limit: number): void;
}

/**
 * Asks a store: the answer itself from one that calls back at once, else a promise of it. (`createRateLimit()` of
 * the plugin makes four promises a request, 3 KB of garbage.)
 */
export const askStore = (
  store: LimitStore,
  question: 'incr' | 'read',
  key: string,
  windowMs: number,
  limit: number,
): Taken | Promise<Taken> => {
  let answer: Taken | null = null;
  let failure: Error | null = null;
  let later: { resolve(taken: Taken): void; reject(error: Error): void } | null = null;
  store[question](
    key,
    (error, taken) => {
      if (taken) {
        if (later) later.resolve(taken);
        else answer = taken;
        return;
      }
      failure = error ?? new TypeError('a limit store gave neither an answer nor an error');
      later?.reject(failure);
    },
    windowMs,
    limit,
  );
  if (answer) return answer;
  if (failure) throw failure;
  return new Promise((resolve, reject) => {
    later = { resolve, reject };
  });
};
