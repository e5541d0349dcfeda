import {
  type Clock,
  INTERNAL_TOKEN_ISSUER,
  INTERNAL_TOKEN_SECONDS,
  type InternalTokenClaims,
  type Principal,
  principalId,
  type ServiceName,
} from '@switchboard/contracts';
import jwt from 'jsonwebtoken';

export type InternalTokenMinter = (principal: Principal, service: ServiceName) => string;

interface Minted {
  readonly minute: number;
  readonly token: string;
}

/**
 * Makes the tokens by which a service knows who asks. One is signed per principal, service and minute, not per
 * request: signing costs about 15 µs, the look-up under 0.1 µs. The cache holds on to the principal's object, so a
 * principal that was looked up again (its permissions may have changed) gets a new token at once.
 */
export const createInternalTokenMinter = (options: { secret: string; clock: Clock }): InternalTokenMinter => {
  const minted = new WeakMap<Principal, Map<ServiceName, Minted>>();
  return (principal, service) => {
    const nowSeconds = Math.floor(options.clock.now().getTime() / 1000);
    const minute = Math.floor(nowSeconds / 60);
    let ofPrincipal = minted.get(principal);
    const known = ofPrincipal?.get(service);
    if (known?.minute === minute) return known.token;
    const claims: InternalTokenClaims & { iss: string } = {
      iss: INTERNAL_TOKEN_ISSUER,
      sub: principalId(principal),
      aud: service,
      iat: nowSeconds,
      exp: nowSeconds + INTERNAL_TOKEN_SECONDS,
      principal,
    };
    const token = jwt.sign(claims, options.secret, { algorithm: 'HS256' });
    if (!ofPrincipal) {
      ofPrincipal = new Map();
      minted.set(principal, ofPrincipal);
    }
    ofPrincipal.set(service, { minute, token });
    return token;
  };
};
