import {
  errors,
  type LimitGroup,
  type LimitGroupName,
  type LimitWindow,
  limitGroups,
  type RouteContract,
  surfaces,
} from '@switchboard/contracts';
import type { FastifyReply } from 'fastify';
import type { Admission } from '../credentials/credential.ts';
import type { RefusalQuota } from '../credentials/refusal-guard.ts';
import type { Tracked } from '../request-log/track.ts';
import { callerOf } from './caller.ts';
import type { LimitStore, Quota, Taken } from './store.ts';

/** A request of a route that has a limit group; of others nothing is counted or told. */
export interface Limited {
  readonly reply: FastifyReply;
  readonly route: RouteContract;
  readonly tracked: Tracked;
  /** Null on a route that takes no credential. */
  readonly admission: Admission | null;
}

/**
 * Counts requests and writes the limit headers: at once, or later when the store takes its time. A request that is
 * counted has `tracked.counted`.
 */
export interface Limiter {
  /**
   * Counts a request whose caller is known; where the group asks for more than that, only writes the headers.
   *
   * @throws RATE_LIMIT_EXCEEDED with Retry-After
   */
  countBeforeBody(limited: Limited): void | Promise<void>;
  /**
   * Counts a request of the groups that ask for what is in the body (`address+email`), once that was read.
   *
   * @param body null when there is none or when it was not read whole
   * @throws RATE_LIMIT_EXCEEDED with Retry-After
   */
  countAfterBody(limited: Limited, body: Buffer | null): void | Promise<void>;
  /** Writes the limit headers of a request that is refused before it is counted. */
  describe(limited: Limited): void | Promise<void>;
  /** The same where no credential is known: the quota of refused credentials per address. */
  describeRefusals(reply: FastifyReply, route: RouteContract, quota: RefusalQuota): void;
}

/** The one window of a group that an answer tells of, and the policies of all. */
interface Told {
  readonly policies: string;
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  readonly leftMs: number;
}

/** Rounded up: whoever comes back at the second told finds the new window. */
const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** `RateLimit-Policy` and `RateLimit`: draft-ietf-httpapi-ratelimit-headers-10, lists of strings with q, w and r, t. */
const writeHeaders = (reply: FastifyReply, route: RouteContract, told: Told): void => {
  const leftSeconds = wholeSeconds(told.leftMs);
  const nowMs = reply.server.kit.clock.now().getTime();
  const reset =
    surfaces[route.surface].rateLimitReset === 'epoch'
      ? Math.ceil((nowMs + told.leftMs) / 1000)
      : leftSeconds;
  reply
    .header('x-ratelimit-limit', told.limit)
    .header('x-ratelimit-remaining', told.remaining)
    .header('x-ratelimit-reset', reset)
    .header('ratelimit-policy', told.policies)
    .header('ratelimit', `"${told.name}";r=${told.remaining};t=${leftSeconds}`);
};

const policyOf = (name: string, limit: number, windowSeconds: number): string =>
  `"${name}";q=${limit};w=${windowSeconds}`;

/** A policy has its group's name; of several windows each has its own. */
const policyName = ({ name, windows }: LimitGroup, window: LimitWindow): string =>
  windows.length === 1 ? name : `${name}-${window.name}`;

/**
 * What binds the caller: the window with the least left; of several, the one that ends last. Whoever then waits until it
 * ends finds room in all.
 */
const tellOf = (group: LimitGroup, quota: Quota, { counts }: Taken): Told => {
  let binding: Told | null = null;
  let policies = '';
  for (const [index, window] of group.windows.entries()) {
    const { limit } = quota.windows[index] ?? { limit: 0 };
    const { count, leftMs } = counts[index] ?? { count: 0, leftMs: 0 };
    const name = policyName(group, window);
    policies += `${index === 0 ? '' : ', '}${policyOf(name, limit, window.seconds)}`;
    const remaining = Math.max(0, limit - count);
    const binds =
      binding === null ||
      remaining < binding.remaining ||
      (remaining === binding.remaining && leftMs > binding.leftMs);
    if (binds) binding = { policies, name, limit, remaining, leftMs };
  }
  if (!binding) throw new TypeError(`${group.name} has no window`);
  return { ...binding, policies };
};

/** @param groups the limits themselves, by name: those of the contracts unless a test has others */
export const createLimiter = (
  store: LimitStore,
  groups: Readonly<Record<LimitGroupName, LimitGroup>> = limitGroups,
): Limiter => {
  const asksForBody = ({ limitGroup }: RouteContract): boolean =>
    limitGroup !== undefined && groups[limitGroup].keyedBy === 'address+email';

  const ask = (question: 'take' | 'look', limited: Limited, body: Buffer | null): void | Promise<void> => {
    const { reply, route, tracked, admission } = limited;
    if (route.limitGroup === undefined) return;
    const group = groups[route.limitGroup];
    const { request } = reply;
    const principal = admission?.principal ?? null;
    const quota: Quota = {
      group: route.limitGroup,
      caller: callerOf(
        group.keyedBy,
        { request, path: route.path, address: tracked.address, principal },
        body,
      ),
      windows: group.windows.map(({ limit: own, otherwise, seconds, clockHour = false }) => {
        const limit = own ?? admission?.limit ?? otherwise ?? null;
        if (limit === null) {
          throw new TypeError(`${group.name} leaves the limit to a credential that has none`);
        }
        return { limit, lengthMs: seconds * 1000, clockHour };
      }),
    };
    const tell = (taken: Taken): void => {
      const told = tellOf(group, quota, taken);
      writeHeaders(reply, route, told);
      if (question === 'look') return;
      if (!taken.taken) throw errors.rateLimited(wholeSeconds(told.leftMs), told.limit);
      tracked.counted = true;
    };
    const taken = store[question](quota);
    return taken instanceof Promise ? taken.then(tell) : tell(taken);
  };

  return {
    countBeforeBody: (limited) => ask(asksForBody(limited.route) ? 'look' : 'take', limited, null),
    countAfterBody(limited, body) {
      if (asksForBody(limited.route)) return ask('take', limited, body);
    },
    describe: (limited) => ask('look', limited, null),
    describeRefusals(reply, route, { limit, remaining, resetMs }) {
      if (route.limitGroup === undefined) return;
      const name = 'refused-credentials';
      writeHeaders(reply, route, {
        policies: policyOf(name, limit, 60),
        name,
        limit,
        remaining,
        leftMs: resetMs,
      });
    },
  };
};
