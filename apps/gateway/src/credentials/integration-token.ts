import { hash } from 'node:crypto';
import {
  AppError,
  allowsEndpoint,
  displayPrefix,
  endpointOf,
  hashKey,
  hasValidChecksum,
  type IntegrationTokenPrincipal,
  keyPrefixes,
  type RouteContract,
  ticketEvents,
  ticketRpcs,
} from '@switchboard/contracts';
import { type Check, type Credential, RefusedCredential } from './credential.ts';
import { compileIpList } from './ip-list.ts';
import { aboutRefused, createLookup, endOf, type LookupOptions } from './lookup.ts';
import { bearerOf, kindOfBearer, presentsTwice } from './presented.ts';

export interface IntegrationTokenOptions extends LookupOptions {
  /** The public key of programs that nobody has signed in to: no bad token of this kind. */
  readonly anonKey?: string | undefined;
}

const HOW_TO_SEND = 'Send Authorization: Bearer stk_…';
const HEADERS = ['authorization'] as const;

/** Every reason looks the same to the caller: status, body, headers. */
const refused = (check: Check, reason: string, tokenId: string | null = null) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'Invalid token' }),
    check,
    reason,
    tokenId,
  );

/** `integration_token`: a token of the tickets surface, issued by ticket-service (spec: common contract, tickets). */
export const createIntegrationTokenCredential = (options: IntegrationTokenOptions): Credential => {
  const { anonKey } = options;
  const lookup = createLookup(
    options,
    (reason, tokenId) => refused('lookup', reason, tokenId),
    (tokenId) => refused('expiry', 'expired', tokenId),
  );
  lookup.forgetOn(ticketEvents.tokenChanged, ({ token_id }) => token_id);
  // What a token may do on a route does not change while its principal is the same.
  const allowed = new WeakMap<IntegrationTokenPrincipal, Map<string, boolean>>();

  const lookUp = (id: string, token: string) =>
    lookup.find(id, { tokenPrefix: displayPrefix(token) }, async (ask) => {
      const answer = await ask(ticketRpcs.verifyToken, { token_hash: hashKey(token) });
      if (!answer.ok) return { ok: false, reason: answer.reason, about: aboutRefused(answer.token_id) };
      return {
        ok: true,
        about: [answer.principal.token_id],
        validUntilMs: endOf(answer.valid_until),
        good: {
          principal: Object.freeze(answer.principal),
          limit: answer.rate_limit_per_hour,
          allowsAddress: compileIpList(answer.allowed_ips),
        },
      };
    });

  const isAllowed = (principal: IntegrationTokenPrincipal, route: RouteContract): boolean => {
    let ofPrincipal = allowed.get(principal);
    if (!ofPrincipal) {
      ofPrincipal = new Map();
      allowed.set(principal, ofPrincipal);
    }
    const known = ofPrincipal.get(route.id);
    if (known !== undefined) return known;
    const verdict = allowsEndpoint(principal.allowed_endpoints, route.method, route.path);
    ofPrincipal.set(route.id, verdict);
    return verdict;
  };

  return {
    kind: 'integration_token',
    headers: HEADERS,
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'lookup', 'expiry', 'address', 'permission'],
    isPresented(request, route) {
      const bearer = bearerOf(request);
      if (bearer === undefined) return false;
      const kind = kindOfBearer(bearer);
      if (kind === 'integration_token') return true;
      // Where nothing else is taken, whatever is no other kind of ours is a bad token: the guide shows `test-token`.
      return kind === null && bearer !== anonKey && route.credentials.length === 1;
    },
    admit(request, _route, beforeAsking) {
      if (presentsTwice(request, HEADERS)) throw refused('shape', 'repeated_header');
      const token = bearerOf(request) ?? '';
      if (!hasValidChecksum(token, keyPrefixes.integrationToken)) throw refused('shape', 'malformed_token');
      const id = hash('sha256', token);
      const known = lookup.known(id);
      if (known) return known;
      if (!lookup.wasGood(id)) beforeAsking();
      return lookUp(id, token);
    },
    authorize(route, principal) {
      if (principal.kind !== 'integration_token') throw new TypeError('not a principal of this credential');
      if (isAllowed(principal, route)) return;
      throw new AppError('ENDPOINT_NOT_ALLOWED', {
        message: `This token may not be used for ${endpointOf(route)}`,
      });
    },
    displayOf: (request) => {
      const token = bearerOf(request) ?? '';
      return hasValidChecksum(token, keyPrefixes.integrationToken) ? displayPrefix(token) : null;
    },
    onChange: lookup.onChange,
    close: lookup.close,
  };
};
