import { AppError, principalId, type RouteContract, type SurfaceName } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Admission, Credential } from './credentials/credential.ts';
import { RefusedCredential } from './credentials/credential.ts';
import type { Credentials } from './credentials/index.ts';
import type { RefusalGuard } from './credentials/refusal-guard.ts';
import type { Limiter } from './limits/limiter.ts';
import type { Tracked } from './request-log/track.ts';

export interface AdmissionDeps {
  readonly credentials: Credentials;
  readonly limiter: Limiter;
  readonly guard: RefusalGuard;
  readonly log: Log;
  /** Surfaces that an operator has switched off are false. */
  readonly surfaces: Readonly<Partial<Record<SurfaceName, boolean>>>;
}

/**
 * Decides whether a request may go inward; null on a route that takes no credential. At once when everything is known
 * here, else a promise: most requests present a key that is known, and a promise per step costs more than the steps.
 */
export type Admit = (
  request: FastifyRequest,
  reply: FastifyReply,
  route: RouteContract,
  tracked: Tracked,
) => Admission | null | Promise<Admission | null>;

const CREDENTIAL_HEADERS = ['authorization', 'x-api-key', 'x-api-secret', 'apikey'];

/** Nothing of the route's kinds was presented: nothing at all, or something that belongs elsewhere. */
const refuseKind = (request: FastifyRequest, wanted: readonly Credential[]): AppError => {
  const howToSend = wanted.map((credential) => credential.howToSend).join(' Or: ');
  const presentsSomething = CREDENTIAL_HEADERS.some((name) => request.headers[name] !== undefined);
  return presentsSomething
    ? new AppError('WRONG_CREDENTIAL_KIND', {
        message: `This route takes another kind of credential. ${howToSend}`,
        details: { accepted: wanted.map((credential) => credential.kind) },
      })
    : new AppError('MISSING_CREDENTIAL', { message: `This route needs a credential. ${howToSend}` });
};

/**
 * The checks between the address and the service, in the order of the spec: surface enabled → credential present → good →
 * address → limit → permission. What fails first decides the answer.
 */
export const createAdmission = (deps: AdmissionDeps): Admit => {
  const { credentials, limiter, guard, log, surfaces } = deps;

  const assertMayTry = (address: string): void => {
    const { remaining, resetMs } = guard.quotaOf(address);
    if (remaining > 0) return;
    const seconds = Math.max(1, Math.ceil(resetMs / 1000));
    throw new AppError('RATE_LIMIT_EXCEEDED', {
      message: 'Too many refused credentials from this address',
      details: { retry_after: seconds },
      headers: { 'retry-after': String(seconds) },
    });
  };

  /** What the caller is told when identifying it failed. */
  const errorOf = (error: unknown, tracked: Tracked): unknown => {
    if (!(error instanceof RefusedCredential)) return error;
    const { credentialId, reason } = error;
    tracked.credentialId = credentialId;
    log.info({ reason, credentialId, ip: tracked.address }, 'a credential was refused');
    if (error.error.code !== 'INVALID_CREDENTIAL') return error.error;
    try {
      assertMayTry(tracked.address);
    } catch (tooMany) {
      return tooMany;
    }
    guard.countRefusal(tracked.address);
    return error.error;
  };

  const refuse = (thrown: unknown, reply: FastifyReply, route: RouteContract, tracked: Tracked): never => {
    const error = errorOf(thrown, tracked);
    limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
    // RFC 9110, 15.5.2: a 401 says how to do better.
    if (error instanceof AppError && error.status === 401) {
      reply.header('www-authenticate', 'Bearer realm="switchboard"');
    }
    throw error;
  };

  return (request, reply, route, tracked) => {
    if (surfaces[route.surface] === false) {
      limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });
    }
    if (route.credentials.length === 0) {
      const counted = limiter.countBeforeBody({ reply, route, tracked, admission: null });
      return counted ? counted.then(() => null) : null;
    }
    const kinds = route.credentials.flatMap((kind) => credentials[kind] ?? []);
    const credential = kinds.find((kind) => kind.isPresented(request));
    if (!credential) return refuse(refuseKind(request, kinds), reply, route, tracked);
    tracked.credentialKind = credential.kind;

    const authorize = (admission: Admission): Admission => {
      credential.authorize({ request, route }, admission.principal);
      return admission;
    };
    const admit = (admission: Admission): Admission | Promise<Admission> => {
      const { principal } = admission;
      request.principal = principal;
      tracked.credentialId = principalId(principal);
      if (request.work) request.work.principalId = tracked.credentialId;
      if (!admission.allowsAddress(tracked.address)) {
        const refuseAddress = (): never => {
          throw new AppError('IP_NOT_ALLOWED');
        };
        const told = limiter.describe({ reply, route, tracked, admission });
        return told ? told.then(refuseAddress) : refuseAddress();
      }
      const counted = limiter.countBeforeBody({ reply, route, tracked, admission });
      return counted ? counted.then(() => authorize(admission)) : authorize(admission);
    };

    let identified: Admission | Promise<Admission>;
    try {
      identified = credential.admit(request, () => assertMayTry(tracked.address));
    } catch (error) {
      return refuse(error, reply, route, tracked);
    }
    if (!(identified instanceof Promise)) return admit(identified);
    return identified.catch((error) => refuse(error, reply, route, tracked)).then(admit);
  };
};
