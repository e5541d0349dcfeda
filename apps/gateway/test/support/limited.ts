import {
  type Clock,
  createUuidV7Ids,
  defineRoute,
  type LimitGroup,
  type LimitGroupName,
  limitGroups,
  type SurfaceName,
} from '@switchboard/contracts';
import {
  createHttpServer,
  createIdTracing,
  createMetrics,
  createReadiness,
  createSilentLog,
} from '@switchboard/service-kit';
import { createLimiter } from '../../src/limits/limiter.ts';
import type { LimitStore } from '../../src/limits/store.ts';
import { CallerWatch } from '../../src/proxy/caller-watch.ts';
import type { Tracked } from '../../src/request-log/track.ts';

export type Groups = Readonly<Record<LimitGroupName, LimitGroup>>;

const surfaceOfGroup = (group: string): SurfaceName => (group === 'calls' ? 'calls' : 'studio');

/** A route for a test, with nothing behind it. */
export const limitedRoute = (group: LimitGroupName, path = `/${group}`) =>
  defineRoute({
    id: `test.${group}.take`,
    summary: 'Takes one',
    source: 'this test',
    method: 'POST',
    path,
    service: 'partner-service',
    surface: surfaceOfGroup(group),
    credentials: [],
    limitGroup: group,
    responses: { 200: { description: 'Taken' } },
    errors: [],
  });

export interface Told {
  readonly status: number;
  readonly counted: boolean;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Sent {
  readonly group: LimitGroupName;
  /** A key of its own; the limits of credentials are its own too. */
  readonly keyId: string;
  readonly limit: number | null;
}

/**
 * The limits of one gateway without what is around them: a caller says who it is and what its limit is. The clock may
 * be moved, and a thousand requests take no time.
 */
export const startLimits = (options: { store: LimitStore; clock: Clock; groups?: Groups }) => {
  const { store, clock, groups } = options;
  const limiter = createLimiter(store, groups);
  const app = createHttpServer({
    config: { requestTimeoutSeconds: 30, idleTimeoutSeconds: 30, keepAliveSeconds: 30 },
    log: createSilentLog(),
    clock,
    metrics: createMetrics({ service: 'gateway' }),
    tracing: createIdTracing(),
    readiness: createReadiness(),
    logRequests: false,
  });
  let sent: Sent | null = null;
  let counted = false;
  for (const name of Object.keys(limitGroups) as LimitGroupName[]) {
    const route = limitedRoute(name);
    app.post(route.path, { config: { contract: route } }, async (_request, reply) => {
      const tracked: Tracked = {
        caller: new CallerWatch(),
        address: '203.0.113.7',
        errorCode: null,
        credentialKind: null,
        credentialId: null,
        checkedAtMs: 0,
        idempotencyKey: null,
        counted: false,
      };
      const limited = {
        reply,
        route,
        tracked,
        admission: sent && {
          principal: { kind: 'api_key' as const, key_id: sent.keyId, account_id: sent.keyId },
          limit: sent.limit,
          allowsAddress: () => true,
        },
      };
      await limiter.countBeforeBody(limited);
      await limiter.countAfterBody(limited, null);
      counted = tracked.counted;
      return {};
    });
  }
  return {
    /** One at a time. */
    async send(request: Sent): Promise<Told> {
      sent = request;
      counted = false;
      const { statusCode, headers } = await app.inject({ method: 'POST', url: `/${request.group}` });
      return { status: statusCode, counted, headers: headers as Told['headers'] };
    },
    close: () => app.close(),
  };
};
export type Limits = ReturnType<typeof startLimits>;

const ids = createUuidV7Ids();
export const newKeyId = (): string => ids.next();
