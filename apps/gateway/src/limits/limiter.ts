import {
  errors,
  type LimitGroup,
  limitGroups,
  principalId,
  type RouteContract,
  surfaces,
} from '@switchboard/contracts';
import type { FastifyReply } from 'fastify';
import type { Admission } from '../credentials/credential.ts';
import type { RefusalQuota } from '../credentials/refusal-guard.ts';
import { askStore, type LimitStore, type Taken } from './store.ts';

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
   * Counts a request and writes the limit headers: at once, or later when the store takes its time.
   *
   * @throws RATE_LIMIT_EXCEEDED with Retry-After
   */
  count(reply: FastifyReply, route: RouteContract, admission: Admission): void | Promise<void>;
  /** Writes the limit headers of a request that is refused before it is counted. */
  describe(reply: FastifyReply, route: RouteContract, admission: Admission): void | Promise<void>;
  /** The same where no credential is known: the quota of refused credentials per address. */
  describeRefusals(reply: FastifyReply, route: RouteContract, quota: RefusalQuota): void;
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

/** The limits of the contracts' groups. A group of several windows is checked window by window, the first refusal counts. */
export const createLimiter = (store: LimitStore): Limiter => {
  const windowsOf = new Map(
    Object.values<LimitGroup>(limitGroups).map((group) => [group.name, group.windows]),
  );

  const askFrom = (
    index: number,
    question: 'incr' | 'read',
    reply: FastifyReply,
    route: RouteContract,
    admission: Admission,
  ): void | Promise<void> => {
    const policy = route.limitGroup;
    const window = policy === undefined ? undefined : windowsOf.get(policy)?.[index];
    if (policy === undefined || !window) return;
    const { seconds: windowSeconds } = window;
    const limit = window.limit ?? admission.limit;
    if (limit === null) throw new TypeError(`${policy} leaves the limit to a credential that has none`);

    const tell = ({ current, ttl: leftMs }: Taken): void | Promise<void> => {
      const remaining = Math.max(0, limit - current);
      writeHeaders(reply, route, { policy, limit, remaining, windowSeconds, leftMs });
      if (current > limit) throw errors.rateLimited(Math.max(1, Math.ceil(leftMs / 1000)), limit);
      return askFrom(index + 1, question, reply, route, admission);
    };
    const key = `${policy}:${windowSeconds}:${principalId(admission.principal)}`;
    const taken = askStore(store, question, key, windowSeconds * 1000, limit);
    return taken instanceof Promise ? taken.then(tell) : tell(taken);
  };

  return {
    count: (reply, route, admission) => askFrom(0, 'incr', reply, route, admission),
    describe: (reply, route, admission) => askFrom(0, 'read', reply, route, admission),
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
