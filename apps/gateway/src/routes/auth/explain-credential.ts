import type { IncomingHttpHeaders } from 'node:http';
import {
  AppError,
  type BodyOf,
  credentialKinds,
  type explainAnswer,
  type explainChecks,
  gatewayAdminRoutes,
  type Principal,
  providerNames,
  type RouteContract,
  type SurfaceName,
} from '@switchboard/contracts';
import type { z } from 'zod';
import type { Chooser } from '../../credentials/choose.ts';
import { type Credential, type PresentedRequest, RefusedCredential } from '../../credentials/credential.ts';
import { normalizeAddress } from '../../credentials/ip-list.ts';
import { ownAnswer } from '../contracts/own-answer.ts';
import { patternOf } from '../unknown/refuse-unknown.ts';

export interface ExplainDeps {
  readonly chooser: Chooser;
  readonly routes: readonly RouteContract[];
  readonly surfaces: Readonly<Partial<Record<SurfaceName, boolean>>>;
}

type Input = BodyOf<typeof gatewayAdminRoutes.explain>;
type Answer = z.input<typeof explainAnswer>;
type CheckName = (typeof explainChecks)[number];

/** The request as Node would have read it: names in lower case, of two Authorization headers the first, others joined. */
const presentedBy = ({ headers, path }: Input): PresentedRequest => {
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => [name, each]),
  );
  const read: IncomingHttpHeaders = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const before = read[name];
    if (before === undefined) read[name] = value;
    else if (name !== 'authorization') read[name] = `${before}, ${value}`;
  }
  return { headers: read, raw: { rawHeaders, url: path } };
};

/** Stands in where no path is given: it takes whatever there is. */
const anyRoute: RouteContract = {
  ...gatewayAdminRoutes.explain,
  credentials: credentialKinds.filter((kind) => kind !== 'provider'),
  acceptsQueryToken: true,
};
const providerRoutes: readonly RouteContract[] = providerNames.map((provider) => ({
  ...anyRoute,
  credentials: ['provider'],
  provider,
}));

const parametersIn = ({ path }: RouteContract): number => path.split(':').length;

/** The route that a request meets: of two that take the path, the one that says it more exactly, as the router does. */
const createMatcher = (routes: readonly RouteContract[]) => {
  const known = routes
    .map((route) => ({ route, pattern: patternOf(route.path) }))
    .sort((a, b) => parametersIn(a.route) - parametersIn(b.route));
  return (method: string, path: string): RouteContract | 'no_such_path' | 'other_method' => {
    const [plain = ''] = path.split('?', 1);
    const there = known.filter(({ pattern }) => pattern.test(plain));
    const wanted = method === 'HEAD' ? 'GET' : method;
    const match = there.find(({ route }) => route.method === wanted);
    if (match) return match.route;
    return there.length > 0 ? 'other_method' : 'no_such_path';
  };
};

/** To ask would change something: a ticket is good once. */
class NotAsked extends Error {}

interface Stop {
  readonly check: CheckName;
  readonly reason: string;
  readonly error: AppError | null;
}

/** Where the way of a credential ended, and who it is if that became known. */
interface Walk {
  readonly stop: Stop | null;
  readonly principal: Principal | null;
}

const isOwners = (check: CheckName): boolean => check === 'lookup' || check === 'session';

const stopOf = (error: unknown, { kind, checks }: Credential): Stop => {
  if (error instanceof NotAsked) return { check: 'lookup', reason: 'asking would spend it', error: null };
  if (error instanceof RefusedCredential) return error;
  if (!(error instanceof AppError)) throw error;
  const check = kind === 'provider' ? 'shape' : (checks.find(isOwners) ?? 'lookup');
  return { check, reason: error.message, error };
};

/** Goes the way of a request with the code that every request goes through, without counting anything. */
const walk = async (
  credential: Credential,
  presented: PresentedRequest,
  route: RouteContract,
  { path, ip }: Input,
): Promise<Walk> => {
  let principal: Principal | null = null;
  try {
    const admission = await credential.admit(presented, route, () => {
      if (credential.kind === 'ticket') throw new NotAsked();
    });
    if (credential.admitBody) {
      return { stop: { check: 'signature', reason: 'the body is needed', error: null }, principal };
    }
    principal = admission.principal;
    if (ip !== undefined && !admission.allowsAddress(normalizeAddress(ip))) {
      const error = new AppError('IP_NOT_ALLOWED');
      return { stop: { check: 'address', reason: 'not in its list', error }, principal };
    }
  } catch (error) {
    return { stop: stopOf(error, credential), principal };
  }
  try {
    if (path !== undefined) credential.authorize(route, principal);
    return { stop: null, principal };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { stop: { check: 'permission', reason: error.message, error }, principal };
  }
};

const answerOf = (error: AppError | null): Answer['answer'] =>
  error && { status: error.status, code: error.code, message: error.message };

/** Says of each check whether it was passed, up to the one that stopped the request. */
const resultsOf = (
  checks: readonly CheckName[],
  stop: Stop | null,
  { path, ip }: Input,
): Answer['checks'] => {
  const stoppedAt = stop ? checks.indexOf(stop.check) : checks.length;
  return checks.map((check, index) => {
    if (index > stoppedAt) return { check, result: 'skipped', reason: null };
    if (stop && index === stoppedAt) {
      return { check, result: stop.error ? 'failed' : 'skipped', reason: stop.reason };
    }
    if (check === 'address' && ip === undefined) return { check, result: 'skipped', reason: 'no ip given' };
    if (check === 'permission' && path === undefined) {
      return { check, result: 'skipped', reason: 'no path given' };
    }
    return { check, result: 'passed', reason: null };
  });
};

/** `POST /api/admin/v1/auth/explain`: which check refuses a request, and why. */
export const explainCredential = ({ chooser, routes, surfaces }: ExplainDeps) => {
  const match = createMatcher(routes);

  const seenIn = (presented: PresentedRequest): Credential | null => {
    for (const route of [anyRoute, ...providerRoutes]) {
      const credential = chooser.choose(presented, route);
      if (credential) return credential;
    }
    return null;
  };

  const explain = async (input: Input): Promise<Answer> => {
    const presented = presentedBy(input);
    const seen = seenIn(presented);
    const show = (credential: Credential | null): Answer['credential'] =>
      credential && { kind: credential.kind, prefix: credential.displayOf?.(presented) ?? null };
    const nothingMore = (
      route: Answer['route'],
      checks: readonly CheckName[],
      stop: Stop | null,
    ): Answer => ({
      accepted: stop === null,
      credential: show(seen),
      route,
      checks: resultsOf(checks, stop, input),
      principal: null,
      answer: answerOf(stop?.error ?? null),
    });

    const met = input.path === undefined ? null : match(input.method, input.path);
    if (typeof met === 'string') {
      const error = new AppError(met === 'other_method' ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND');
      return nothingMore(null, ['route'], { check: 'route', reason: met, error });
    }
    const shown = met && {
      id: met.id,
      method: met.method,
      path: met.path,
      credentials: [...met.credentials],
    };
    const before: readonly CheckName[] = met ? ['route', 'surface'] : [];
    if (met && surfaces[met.surface] === false) {
      const error = new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });
      return nothingMore(shown, before, { check: 'surface', reason: 'switched off here', error });
    }
    if (met?.credentials.length === 0) return nothingMore(shown, before, null);
    const credential = met ? chooser.choose(presented, met) : seen;
    if (!credential) {
      const error = chooser.refuseKind(presented, met ?? anyRoute);
      const reason = seen ? 'of a kind that is not taken here' : 'nothing that is a credential of ours';
      return nothingMore(shown, [...before, 'presented'], { check: 'presented', reason, error });
    }
    const provider = providerRoutes.find((route) => credential.isPresented(presented, route));
    const route = met ?? (credential.kind === 'provider' ? (provider ?? anyRoute) : anyRoute);
    const { stop, principal } = await walk(credential, presented, route, input);
    return {
      // What can be told only with the body, or by spending a ticket, stays open.
      accepted: stop && stop.error === null ? null : stop === null,
      credential: show(credential),
      route: shown,
      checks: resultsOf([...before, ...credential.checks], stop, input),
      principal,
      answer: answerOf(stop?.error ?? null),
    };
  };

  return ownAnswer(gatewayAdminRoutes.explain, explain);
};
