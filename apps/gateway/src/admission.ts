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

/** Decides whether a request may go inward: null on a route that takes no credential. */
export type Admit = (
  request: FastifyRequest,
  reply: FastifyReply,
  route: RouteContract,
  tracked: Tracked,
) => Promise<Admission | null>;

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

  const identify = async (
    request: FastifyRequest,
    route: RouteContract,
    tracked: Tracked,
  ): Promise<{ credential: Credential; admission: Admission }> => {
    const kinds = route.credentials.flatMap((kind) => credentials[kind] ?? []);
    const credential = kinds.find((kind) => kind.isPresented(request));
    if (!credential) throw refuseKind(request, kinds);
    tracked.credentialKind = credential.kind;
    const assertMayTry = () => {
      const { remaining, resetMs } = guard.quotaOf(tracked.address);
      if (remaining > 0) return;
      const seconds = Math.max(1, Math.ceil(resetMs / 1000));
      throw new AppError('RATE_LIMIT_EXCEEDED', {
        message: 'Too many refused credentials from this address',
        details: { retry_after: seconds },
        headers: { 'retry-after': String(seconds) },
      });
    };
    try {
      const admitted = credential.admit(request, assertMayTry);
      return { credential, admission: admitted instanceof Promise ? await admitted : admitted };
    } catch (error) {
      if (!(error instanceof RefusedCredential)) throw error;
      tracked.credentialId = error.credentialId;
      log.info(
        { reason: error.reason, credentialId: error.credentialId, ip: tracked.address },
        'a credential was refused',
      );
      if (error.error.code === 'INVALID_CREDENTIAL') {
        assertMayTry();
        guard.countRefusal(tracked.address);
      }
      throw error.error;
    }
  };

  return async (request, reply, route, tracked) => {
    if (surfaces[route.surface] === false) {
      limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });
    }
    if (route.credentials.length === 0) return null;
    const { credential, admission } = await identify(request, route, tracked).catch((error) => {
      limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
      // RFC 9110, 15.5.2: a 401 says how to do better.
      if (error instanceof AppError && error.status === 401) {
        reply.header('www-authenticate', 'Bearer realm="switchboard"');
      }
      throw error;
    });
    const { principal } = admission;
    request.principal = principal;
    tracked.credentialId = principalId(principal);
    if (request.work) request.work.principalId = tracked.credentialId;
    if (!admission.allowsAddress(tracked.address)) {
      await limiter.describe(request, reply, route, admission);
      throw new AppError('IP_NOT_ALLOWED');
    }
    await limiter.count(request, reply, route, admission);
    credential.authorize({ request, route }, principal);
    return admission;
  };
};
