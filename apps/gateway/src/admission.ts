import {
  AppError,
  type Clock,
  principalId,
  type RouteContract,
  type SurfaceName,
} from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Chooser } from './credentials/choose.ts';
import { type Admission, type Credential, RefusedCredential } from './credentials/credential.ts';
import type { Credentials } from './credentials/index.ts';
import type { RefusalGuard } from './credentials/refusal-guard.ts';
import type { Limiter } from './limits/limiter.ts';
import type { Tracked } from './request-log/track.ts';

export interface AdmissionDeps {
  readonly credentials: Credentials;
  readonly chooser: Chooser;
  readonly limiter: Limiter;
  readonly guard: RefusalGuard;
  readonly log: Log;
  readonly clock: Clock;
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

/**
 * The rest of it, where a signature is over the body: checked before the request is counted, so that nobody but the signer
 * takes of the signer's limit.
 */
export type AdmitBody = (
  request: FastifyRequest,
  reply: FastifyReply,
  tracked: Tracked,
  admission: Admission | null,
  body: Buffer,
) => Promise<void>;

/**
 * Checks the credential of a request that was let in once more, if that was longer ago than a second: keys are revoked and
 * sessions end while a body comes slowly or an answer is waited for. Nothing is counted again. At once when it was
 * checked lately or is known here, else a promise; `request.principal` is then who it is now.
 *
 * @throws 401, 403: it is good no more; SERVICE_UNAVAILABLE when nobody can be asked
 */
export type AdmitAgain = (
  request: FastifyRequest,
  reply: FastifyReply,
  route: RouteContract,
  tracked: Tracked,
) => void | Promise<void>;

/**
 * Finds out whose request met no route, and counts it as any other of theirs, so that their limit and their log have it. Whoever
 * presents nothing that is good learns nothing: guesses are counted here too, and the answer stays that there is no such
 * address.
 *
 * @param route one that takes the credentials of the surface
 * @throws RATE_LIMIT_EXCEEDED
 */
export type Attribute = (
  request: FastifyRequest,
  reply: FastifyReply,
  route: RouteContract,
  tracked: Tracked,
) => Promise<void>;

export interface Admissions {
  readonly admit: Admit;
  readonly admitAgain: AdmitAgain;
  readonly attribute: Attribute;
  /** A service found a secret in a body to be wrong. */
  countGuess(tracked: Tracked): void;
  /** Null where nothing waits for the body. */
  bodyStepOf(route: RouteContract): AdmitBody | null;
}

/** So long a check is good for the request that it was made for. */
const CHECKED_MS = 1_000;

const mayGuess = ({ query }: FastifyRequest, { guesses }: RouteContract): boolean =>
  guesses !== undefined &&
  Object.entries(guesses.query ?? {}).every(
    ([name, value]) => (query as Readonly<Record<string, unknown>>)[name] === value,
  );

/**
 * The checks between the address and the service, in the order of the spec: surface enabled → credential present → good →
 * address → limit → permission. What fails first decides the answer.
 */
export const createAdmission = (deps: AdmissionDeps): Admissions => {
  const { credentials, chooser, limiter, guard, log, clock, surfaces } = deps;

  const tooManyGuesses = (address: string): AppError => {
    const { remaining, resetMs } = guard.quotaOf(address);
    // Those under way are answered in a moment.
    const seconds = remaining > 0 ? 1 : Math.max(1, Math.ceil(resetMs / 1000));
    return new AppError('RATE_LIMIT_EXCEEDED', {
      message: 'Too many refused credentials from this address',
      details: { retry_after: seconds },
      headers: { 'retry-after': String(seconds) },
    });
  };
  const assertMayTry = (address: string): void => {
    if (guard.quotaOf(address).remaining <= 0) throw tooManyGuesses(address);
  };

  const logRefusal = ({ credentialId, check, reason }: RefusedCredential, tracked: Tracked): void => {
    const { credentialKind: kind, address: ip } = tracked;
    log.info({ kind, check, reason, credentialId, ip }, 'a credential was refused');
  };

  /** What the caller is told when identifying it failed. */
  const errorOf = (error: unknown, tracked: Tracked): unknown => {
    if (!(error instanceof RefusedCredential)) return error;
    tracked.credentialId = error.credentialId;
    logRefusal(error, tracked);
    // Everybody knows the anon key: there is nothing to guess.
    if (error.error.code !== 'INVALID_CREDENTIAL' || tracked.credentialKind === 'anon') return error.error;
    try {
      assertMayTry(tracked.address);
    } catch (tooMany) {
      return tooMany;
    }
    guard.countRefusal(tracked.address);
    return error.error;
  };

  const throwRefusal = (error: unknown, reply: FastifyReply): never => {
    // RFC 9110, 15.5.2: a 401 says how to do better.
    if (error instanceof AppError && error.status === 401) {
      reply.header('www-authenticate', 'Bearer realm="switchboard"');
    }
    throw error;
  };

  const refuse = (thrown: unknown, reply: FastifyReply, route: RouteContract, tracked: Tracked): never => {
    const error = errorOf(thrown, tracked);
    limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
    return throwRefusal(error, reply);
  };

  /** What was good a moment ago is no guess: it is not counted as one, and is told 401 whoever else guesses there. */
  const refuseAgain = (thrown: unknown, reply: FastifyReply, tracked: Tracked): never => {
    if (!(thrown instanceof RefusedCredential)) return throwRefusal(thrown, reply);
    logRefusal(thrown, tracked);
    return throwRefusal(thrown.error, reply);
  };

  /** What follows once it is known who asks: address, limit, permission. */
  const admitKnown = (
    request: FastifyRequest,
    reply: FastifyReply,
    route: RouteContract,
    tracked: Tracked,
    credential: Credential,
    admission: Admission,
  ): Admission | Promise<Admission> => {
    const { principal } = admission;
    request.principal = principal;
    tracked.checkedAtMs = clock.now().getTime();
    tracked.credentialId = principalId(principal);
    if (request.work) request.work.principalId = tracked.credentialId;
    const limited = { reply, route, tracked, admission };
    if (!admission.allowsAddress(tracked.address)) {
      const refuseAddress = (): never => {
        throw new AppError('IP_NOT_ALLOWED');
      };
      const told = limiter.describe(limited);
      return told ? told.then(refuseAddress) : refuseAddress();
    }
    const counted = limiter.countBeforeBody(limited);
    if (counted) {
      return counted.then(() => {
        credential.authorize(route, principal);
        return admission;
      });
    }
    credential.authorize(route, principal);
    return admission;
  };

  const admit: Admit = (request, reply, route, tracked) => {
    if (surfaces[route.surface] === false) {
      limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
      throw new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });
    }
    if (mayGuess(request, route)) {
      const end = guard.beginGuess(tracked.address);
      if (!end) return refuse(tooManyGuesses(tracked.address), reply, route, tracked);
      reply.raw.once('close', end);
    }
    if (route.credentials.length === 0) {
      const counted = limiter.countBeforeBody({ reply, route, tracked, admission: null });
      return counted ? counted.then(() => null) : null;
    }
    const credential = chooser.choose(request, route);
    if (!credential) return refuse(chooser.refuseKind(request, route), reply, route, tracked);
    tracked.credentialKind = credential.kind;
    const goOn = (admission: Admission): Admission | Promise<Admission> => {
      if (!credential.admitBody) return admitKnown(request, reply, route, tracked, credential, admission);
      // Whoever signs the body is not known yet, and a body that is too large is answered before it is.
      limiter.describeRefusals(reply, route, guard.quotaOf(tracked.address));
      return admission;
    };

    let identified: Admission | Promise<Admission>;
    try {
      identified = credential.admit(request, route, () => assertMayTry(tracked.address));
    } catch (error) {
      return refuse(error, reply, route, tracked);
    }
    if (!(identified instanceof Promise)) return goOn(identified);
    return identified.catch((error) => refuse(error, reply, route, tracked)).then(goOn);
  };

  const admitAgain: AdmitAgain = (request, reply, route, tracked) => {
    const { credentialKind: kind, checkedAtMs, address } = tracked;
    // To ask about a ticket would spend it; whoever made it ends what it opened.
    if (kind === null || kind === 'ticket') return;
    // A clock that was set back says nothing of how long ago it was.
    if (Math.abs(clock.now().getTime() - checkedAtMs) <= CHECKED_MS) return;
    const credential = credentials[kind];
    const goOn = (admission: Admission): void => {
      if (!admission.allowsAddress(address)) throw new AppError('IP_NOT_ALLOWED');
      credential.authorize(route, admission.principal);
      request.principal = admission.principal;
      tracked.checkedAtMs = clock.now().getTime();
    };
    try {
      const identified = credential.admit(request, route, () => {});
      if (!(identified instanceof Promise)) return goOn(identified);
      return identified.then(goOn).catch((error) => refuseAgain(error, reply, tracked));
    } catch (error) {
      refuseAgain(error, reply, tracked);
    }
  };

  const identify = async (
    credential: Credential,
    request: FastifyRequest,
    route: RouteContract,
    tracked: Tracked,
  ): Promise<Admission | null> => {
    try {
      return await credential.admit(request, route, () => assertMayTry(tracked.address));
    } catch (error) {
      errorOf(error, tracked);
      return null;
    }
  };

  const attribute: Attribute = async (request, reply, route, tracked) => {
    if (surfaces[route.surface] === false) return;
    const credential = chooser.choose(request, route);
    if (!credential) return;
    tracked.credentialKind = credential.kind;
    const admission = await identify(credential, request, route, tracked);
    if (!admission) return;
    tracked.credentialId = principalId(admission.principal);
    if (!admission.allowsAddress(tracked.address)) return;
    await limiter.countBeforeBody({ reply, route, tracked, admission });
  };

  return {
    admit,
    admitAgain,
    attribute,
    countGuess: ({ address }) => guard.countRefusal(address),
    bodyStepOf(route) {
      if (!route.credentials.some((kind) => credentials[kind].admitBody)) return null;
      return async (request, reply, tracked, admission, body) => {
        const credential = tracked.credentialKind && credentials[tracked.credentialKind];
        if (!admission || !credential?.admitBody) return;
        try {
          await credential.admitBody(request, route, body);
        } catch (error) {
          refuse(error, reply, route, tracked);
        }
        await admitKnown(request, reply, route, tracked, credential, admission);
      };
    },
  };
};
