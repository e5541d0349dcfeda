import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit';
import {
  errors,
  type LimitGroup,
  limitGroups,
  principalId,
  type RouteContract,
  surfaces,
} from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../credentials/credential.ts';
import type { RefusalQuota } from '../credentials/refusal-guard.ts';
import type { LimitStore } from './store.ts';

/** What a limited answer tells, refused or not. */
interface Told {
  readonly policy: string;
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  readonly leftMs: number;
}

export interface Limiter {
  /**
   * Counts a request and writes the limit headers.
   *
   * @throws RATE_LIMIT_EXCEEDED with Retry-After
   */
  count(
    request: FastifyRequest,
    reply: FastifyReply,
    route: RouteContract,
    admission: Admission,
  ): Promise<void>;
  /** Writes the limit headers of a request that is refused before it is counted. */
  describe(
    request: FastifyRequest,
    reply: FastifyReply,
    route: RouteContract,
    admission: Admission,
  ): Promise<void>;
  /** The same where no credential is known: the quota of refused credentials per address. */
  describeRefusals(reply: FastifyReply, route: RouteContract, quota: RefusalQuota): void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom the limiter counts this request for; set before it is asked. */
    limited: { readonly key: string; readonly limit: number } | null;
  }
}

const writeHeaders = (reply: FastifyReply, route: RouteContract, told: Told): void => {
  // Rounded up: whoever comes back at the second told finds the new window.
  const leftSeconds = Math.max(1, Math.ceil(told.leftMs / 1000));
  const nowMs = reply.server.kit.clock.now().getTime();
  const reset =
    surfaces[route.surface].rateLimitReset === 'epoch'
      ? Math.ceil((nowMs + told.leftMs) / 1000)
      : leftSeconds;
  reply
    .header('x-ratelimit-limit', told.limit)
    .header('x-ratelimit-remaining', told.remaining)
    .header('x-ratelimit-reset', reset)
    .header('ratelimit-policy', `"${told.policy}";q=${told.limit};w=${told.windowSeconds}`)
    .header('ratelimit', `"${told.policy}";r=${told.remaining};t=${leftSeconds}`);
};

/** Our store in the shape that @fastify/rate-limit asks for. One store counts for all groups: the key tells them apart. */
const storeClassFor = (store: LimitStore) =>
  class implements FastifyRateLimitStore {
    incr(
      key: string,
      done: (error: Error | null, result?: { current: number; ttl: number }) => void,
      windowMs: number,
      limit: number,
    ): void {
      Promise.try(() => store.take(key, limit, windowMs)).then(
        ({ count, leftMs }) => done(null, { current: count, ttl: leftMs }),
        done,
      );
    }
    read(
      key: string,
      done: (error: Error | null, result?: { current: number; ttl: number }) => void,
      windowMs: number,
      limit: number,
    ): void {
      Promise.try(() => store.peek(key, limit, windowMs)).then(
        ({ count, leftMs }) => done(null, { current: count, ttl: leftMs }),
        done,
      );
    }
    child(): this {
      return this;
    }
  };

/** The limits of the contracts' groups, counted by @fastify/rate-limit in a store of ours. */
export const createLimiter = async (app: FastifyInstance, store: LimitStore): Promise<Limiter> => {
  app.decorateRequest('limited', null);
  await app.register(rateLimit, { global: false, store: storeClassFor(store) });

  const checks = new Map(
    Object.values<LimitGroup>(limitGroups).map((group) => [
      group.name,
      group.windows.map((window) => ({
        window,
        check: app.createRateLimit({
          keyGenerator: ({ limited }) => limited?.key ?? '',
          max: ({ limited }) => limited?.limit ?? 0,
          timeWindow: window.seconds * 1000,
        }),
      })),
    ]),
  );

  const run = async (
    request: FastifyRequest,
    reply: FastifyReply,
    route: RouteContract,
    admission: Admission,
    increment: boolean,
  ): Promise<void> => {
    const group = route.limitGroup;
    if (group === undefined) return;
    for (const { window, check } of checks.get(group) ?? []) {
      const limit = window.limit ?? admission.limit;
      if (limit === null) throw new TypeError(`${group} leaves the limit to a credential that has none`);
      request.limited = { key: `${group}:${window.seconds}:${principalId(admission.principal)}`, limit };
      const result = await check(request, { increment });
      if (result.isAllowed) continue;
      const { remaining, ttl: leftMs, isExceeded } = result;
      writeHeaders(reply, route, { policy: group, limit, remaining, windowSeconds: window.seconds, leftMs });
      if (increment && isExceeded) throw errors.rateLimited(Math.max(1, Math.ceil(leftMs / 1000)), limit);
    }
  };

  return {
    count: (request, reply, route, admission) => run(request, reply, route, admission, true),
    describe: (request, reply, route, admission) => run(request, reply, route, admission, false),
    describeRefusals: (reply, route, { limit, remaining, resetMs }) => {
      if (route.limitGroup === undefined) return;
      writeHeaders(reply, route, {
        policy: 'refused-credentials',
        limit,
        remaining,
        windowSeconds: 60,
        leftMs: resetMs,
      });
    },
  };
};
