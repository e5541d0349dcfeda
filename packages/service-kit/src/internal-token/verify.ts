import {
  AppError,
  type Clock,
  INTERNAL_TOKEN_ISSUER,
  internalTokenClaimsSchema,
  type Principal,
  type ServiceName,
} from '@switchboard/contracts';
import jwt from 'jsonwebtoken';

/** Gives the principal of a token, or throws INVALID_CREDENTIAL; the cause says which check refused. */
export type InternalTokenVerifier = (token: string | undefined) => Principal;

interface Verified {
  readonly principal: Principal;
  readonly expiresAtSeconds: number;
}

const refused = (cause: unknown): AppError =>
  new AppError('INVALID_CREDENTIAL', {
    message: 'This service answers requests that come through the gateway',
    cause,
  });

/** Seconds by which the clocks of two machines may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;
const CACHE_TOKENS_MAX = 5000;

/**
 * Verifies internal tokens. A verified one is remembered by its text until it expires (the gateway sends the same for
 * a minute), at most 5,000 of them, the oldest going first.
 *
 * @param options.secrets the current one, and during a rotation the one before
 * @param options.service tokens for other services are refused
 */
export const createInternalTokenVerifier = (options: {
  secrets: readonly string[];
  service: ServiceName;
  clock: Clock;
}): InternalTokenVerifier => {
  const verified = new Map<string, Verified>();

  const verify = (token: string, nowSeconds: number): Verified => {
    let failure: unknown = new Error('no secret is configured');
    for (const secret of options.secrets) {
      try {
        const payload = jwt.verify(token, secret, {
          algorithms: ['HS256'],
          audience: options.service,
          issuer: INTERNAL_TOKEN_ISSUER,
          clockTimestamp: nowSeconds,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
        });
        const { principal, exp } = internalTokenClaimsSchema.parse(payload);
        return { principal: Object.freeze(principal), expiresAtSeconds: exp };
      } catch (error) {
        failure = error;
      }
    }
    throw refused(failure);
  };

  return (token) => {
    if (token === undefined || token === '') throw refused('no internal token');
    const nowSeconds = Math.floor(options.clock.now().getTime() / 1000);
    const known = verified.get(token);
    if (known && known.expiresAtSeconds + CLOCK_TOLERANCE_SECONDS > nowSeconds) return known.principal;
    verified.delete(token);
    const fresh = verify(token, nowSeconds);
    if (verified.size >= CACHE_TOKENS_MAX) {
      const oldest = verified.keys().next();
      if (!oldest.done) verified.delete(oldest.value);
    }
    verified.set(token, fresh);
    return fresh.principal;
  };
};

export const secretsOf = (config: {
  secret: string;
  previousSecret?: string | undefined;
}): readonly string[] =>
  config.previousSecret === undefined ? [config.secret] : [config.secret, config.previousSecret];
