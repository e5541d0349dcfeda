import { hash } from 'node:crypto';
import {
  AppError,
  identityEvents,
  identityRpcs,
  type RouteContract,
  requireRole,
  type UserPrincipal,
  userRoleSchema,
} from '@switchboard/contracts';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import {
  type Admission,
  type Check,
  type Credential,
  type PresentedRequest,
  RefusedCredential,
} from './credential.ts';
import { cannotCheck, createAskOwner, createLookup, type LookupOptions } from './lookup.ts';
import { bearerOf, kindOfBearer, presentsTwice, queryValues } from './presented.ts';
import { fetchJson, KEY_ID, type PublicKey, readPublicKeys } from './public-keys.ts';
import { createRemoteKeys } from './remote-keys.ts';

export interface UserOptions extends LookupOptions {
  /** A JWT too, but nobody's. */
  readonly anonKey?: string | undefined;
  /** The external Supabase project whose users are taken too. */
  readonly supabaseUrl?: string | undefined;
  readonly supabaseJwtSecret?: string | undefined;
  /** How long its key set may take; default 3,000. */
  readonly keySetTimeoutMs?: number | undefined;
}

const HOW_TO_SEND = 'Send Authorization: Bearer <access token of a signed-in user>';
const HEADERS = ['authorization'] as const;
export const TOKEN_PARAMETER = 'access_token';

const CHARACTERS_MAX = 8_192;
const PARTS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** How far the clocks of whoever issues a token and ours may differ. */
const TOLERANCE_SECONDS = 5;
const KEYS_FRESH_SECONDS = 300;
const SUPABASE_AUDIENCE = 'authenticated';

type Algorithm = 'RS256' | 'ES256' | 'HS256';
type Origin = UserPrincipal['origin'];

interface TokenHeader {
  readonly algorithm: Algorithm;
  readonly kid: string | null;
}

/** Every reason looks the same to the caller: status, body, headers. */
const refused = (check: Check, reason: string, userId: string | null = null) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The access token is not valid: sign in again' }),
    check,
    reason,
    userId,
  );

const readJson = (base64url: string): unknown => {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString());
  } catch {
    return null;
  }
};

// Nothing else of a header is looked at: where a token says that its key is to be found (jku, x5u, jwk) is its own affair.
const headerSchema = z.object({
  alg: z.enum(['RS256', 'ES256', 'HS256']),
  kid: z.string().regex(KEY_ID).optional(),
  // Says that there is more to understand, and that whoever does not must refuse it (RFC 7515, 4.1.11).
  crit: z.undefined().optional(),
});

const KNOWN_HEADER_CHARACTERS_MAX = 512;
const knownHeaders = new LRUCache<string, TokenHeader>({ max: 1_000 });

/** Reads the header of a token. All tokens of one key have the same, so it is read once. */
const readHeader = (token: string): TokenHeader => {
  const encoded = token.slice(0, token.indexOf('.'));
  const known = knownHeaders.get(encoded);
  if (known) return known;
  const read = headerSchema.safeParse(readJson(encoded));
  if (!read.success) throw refused('shape', 'malformed_header');
  const header = { algorithm: read.data.alg, kid: read.data.kid ?? null };
  if (encoded.length <= KNOWN_HEADER_CHARACTERS_MAX) knownHeaders.set(encoded, header);
  return header;
};

const issuerSchema = z.object({ iss: z.string().optional() });

/** Who a token says issued it: not to be believed before its signature is checked. */
const readIssuer = (token: string): string | null => {
  const payload = readJson(token.split('.', 2)[1] ?? '');
  const read = issuerSchema.safeParse(payload);
  if (!read.success) throw refused('shape', 'malformed_claims');
  return read.data.iss ?? null;
};

const claimsSchema = z.object({
  sub: z.uuid(),
  iat: z.number().min(0),
  exp: z.number(),
  session_id: z.string().min(1).max(200).optional(),
  email: z.string().max(320).optional(),
  role: z.string().optional(),
  app_metadata: z.object({ role: z.unknown() }).partial().optional(),
});
type Claims = z.infer<typeof claimsSchema>;

/** What jsonwebtoken objects to, as one of our checks. It looks at the signature first, then at the times, then at the rest. */
const refusalOf = (error: unknown): RefusedCredential => {
  if (error instanceof jwt.TokenExpiredError) return refused('expiry', 'expired');
  if (error instanceof jwt.NotBeforeError) return refused('expiry', 'not_yet_valid');
  const words = error instanceof Error ? error.message : '';
  if (words.startsWith('jwt audience')) return refused('claims', 'other_audience');
  if (words.startsWith('jwt issuer')) return refused('claims', 'other_issuer');
  if (/^invalid (nbf|exp) value/.test(words)) return refused('expiry', 'malformed_time');
  return refused('signature', 'wrong_signature');
};

/** A set of keys of identity-service, and what its tokens must say besides. */
interface LocalKeys {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: ReadonlyMap<string, PublicKey>;
  has(kid: string): boolean;
  readonly size: number;
}

/** What a token is checked with. */
interface Verifier {
  readonly key: string | PublicKey['key'];
  readonly algorithm: Algorithm;
  readonly issuer: string | undefined;
  readonly audience: string;
}

const keyAbout = (kid: string): string => `key ${kid}`;

/**
 * `user`: the access token of somebody who signed in here, or at the Supabase project that is configured (spec: common
 * contract, identity). The signature says who issued it; identity-service says whether its session is still open.
 */
export const createUserCredential = (options: UserOptions): Credential => {
  const { bus, clock, log, anonKey, supabaseUrl, supabaseJwtSecret, keySetTimeoutMs } = options;
  const externalIssuer = supabaseUrl === undefined ? undefined : `${supabaseUrl}/auth/v1`;
  const askOwner = createAskOwner(options);
  const lookup = createLookup(
    options,
    (reason, userId) => refused('session', reason, userId),
    (userId) => refused('expiry', 'expired', userId),
  );

  const localKeys = createRemoteKeys<LocalKeys>({
    owner: 'identity-service',
    clock,
    log,
    freshSeconds: KEYS_FRESH_SECONDS,
    // A neighbour that restarts; whoever has no keys at all waits for it.
    backoffSeconds: { first: 1, max: 1 },
    load: async (known) => {
      const answer = await askOwner(identityRpcs.signingKeys, {}, known === null);
      const keys = readPublicKeys(answer.keys);
      return { ...answer, keys, has: (kid) => keys.has(kid), size: keys.size };
    },
  });
  const externalKeys = createRemoteKeys({
    owner: supabaseUrl ?? 'no external project',
    clock,
    log,
    freshSeconds: KEYS_FRESH_SECONDS,
    backoffSeconds: { first: 1, max: 60 },
    load: async () => {
      const answer = await fetchJson(`${externalIssuer}/.well-known/jwks.json`, keySetTimeoutMs);
      const keys = readPublicKeys(z.object({ keys: z.array(z.unknown()) }).parse(answer).keys);
      if (keys.size === 0) throw new Error('the key set holds no key that can be used');
      return keys;
    },
  });

  lookup.forgetOn(identityEvents.sessionEnded, ({ user_id, session_id }) => session_id ?? user_id);
  lookup.forgetOn(identityEvents.userChanged, ({ user_id }) => user_id);
  // A key that was said to be over is so even while the new set cannot be had.
  const endedKeys = new Set<string>();
  const listening = bus.subscribe(identityEvents.signingKeyChanged, ({ kid, change }) => {
    if (change !== 'added') {
      endedKeys.add(kid);
      lookup.forget(keyAbout(kid));
    }
    return localKeys.doubt();
  });
  const stopDoubting = bus.onConnect(() => {
    // Whatever was said while we were not connected was not heard.
    if (localKeys.peek()) void localKeys.doubt();
  });

  const isLocal = ({ algorithm }: TokenHeader, issuer: string | null): boolean => {
    if (algorithm === 'HS256') return false;
    return externalIssuer === undefined || issuer !== externalIssuer;
  };

  /** Refuses at once what cannot be good: another issuer, or an algorithm that its issuer does not use. */
  const checkIssuer = (header: TokenHeader, issuer: string | null): Origin => {
    const { algorithm, kid } = header;
    const local = localKeys.peek();
    if (isLocal(header, issuer)) {
      if (local && issuer !== local.issuer) throw refused('shape', 'other_issuer');
      if (algorithm !== 'RS256') throw refused('shape', 'other_algorithm');
      if (kid === null) throw refused('shape', 'no_key_id');
      return 'local';
    }
    if (algorithm === 'HS256') {
      if (supabaseJwtSecret === undefined) throw refused('shape', 'other_algorithm');
      if (externalIssuer !== undefined && issuer !== externalIssuer) throw refused('shape', 'other_issuer');
      if (issuer !== null && issuer === local?.issuer) throw refused('shape', 'other_algorithm');
    } else if (kid === null) throw refused('shape', 'no_key_id');
    return 'external';
  };

  /** An HS256 token is only ever checked with the secret, and the others only with public keys of their own kind. */
  const verifierOf = async ({ algorithm, kid }: TokenHeader, origin: Origin): Promise<Verifier> => {
    if (origin === 'external' && algorithm === 'HS256') {
      return { key: supabaseJwtSecret ?? '', algorithm, issuer: externalIssuer, audience: SUPABASE_AUDIENCE };
    }
    const id = kid ?? '';
    if (origin === 'external') {
      const found = (await externalKeys.withKey(id)).get(id);
      if (found?.algorithm !== algorithm) throw refused('signature', 'unknown_key');
      return { key: found.key, algorithm, issuer: externalIssuer, audience: SUPABASE_AUDIENCE };
    }
    const { keys, issuer, audience } = await localKeys.withKey(id);
    const found = endedKeys.has(id) ? undefined : keys.get(id);
    if (found?.algorithm !== algorithm) throw refused('signature', 'unknown_key');
    return { key: found.key, algorithm, issuer, audience };
  };

  const verify = (token: string, verifier: Verifier, origin: Origin): Claims => {
    const nowSeconds = clock.now().getTime() / 1000;
    let payload: unknown;
    try {
      payload = jwt.verify(token, verifier.key, {
        algorithms: [verifier.algorithm],
        audience: verifier.audience,
        ...(verifier.issuer === undefined ? {} : { issuer: verifier.issuer }),
        clockTolerance: TOLERANCE_SECONDS,
        clockTimestamp: nowSeconds,
      });
    } catch (error) {
      throw refusalOf(error);
    }
    const read = claimsSchema.safeParse(payload);
    if (!read.success) throw refused('claims', 'malformed_claims');
    const claims = read.data;
    if (claims.iat > nowSeconds + TOLERANCE_SECONDS) throw refused('claims', 'issued_in_the_future');
    if (origin === 'local' && claims.session_id === undefined) throw refused('claims', 'no_session');
    // Keys of the project itself are tokens too, of the roles anon and service_role.
    if (origin === 'external' && claims.role !== SUPABASE_AUDIENCE) throw refused('claims', 'other_role');
    return claims;
  };

  const lookUp = async (
    id: string,
    token: string,
    header: TokenHeader,
    origin: Origin,
  ): Promise<Admission> => {
    const verifier = await verifierOf(header, origin).catch((error: unknown) => {
      if (error instanceof RefusedCredential) throw error;
      log.warn({ err: error, kid: header.kid, origin }, 'a credential cannot be looked up');
      throw cannotCheck(error);
    });
    const claims = verify(token, verifier, origin);
    const sessionId = claims.session_id ?? null;
    return lookup.find(id, { userId: claims.sub, origin }, async (ask) => {
      const answer = await ask(identityRpcs.checkSession, {
        origin,
        user_id: claims.sub,
        session_id: sessionId,
        issued_at: new Date(Math.floor(claims.iat) * 1000).toISOString(),
        email: claims.email ?? null,
        role: userRoleSchema.nullable().catch(null).parse(claims.app_metadata?.role),
      });
      const about = [
        claims.sub,
        ...(sessionId === null ? [] : [sessionId]),
        ...(origin === 'local' && header.kid !== null ? [keyAbout(header.kid)] : []),
      ];
      if (!answer.ok) return { ok: false, reason: answer.reason, about };
      const { email, role, business_id } = answer;
      const principal: UserPrincipal = {
        kind: 'user',
        user_id: claims.sub,
        email,
        role,
        business_id,
        session_id: sessionId,
        origin,
      };
      return {
        ok: true,
        about,
        validUntilMs: (claims.exp + TOLERANCE_SECONDS) * 1000,
        good: { principal: Object.freeze(principal), limit: null, allowsAddress: () => true },
      };
    });
  };

  const readToken = (request: PresentedRequest, route: RouteContract): string => {
    if (presentsTwice(request, HEADERS)) throw refused('shape', 'repeated_header');
    const bearer = bearerOf(request);
    const inQuery = route.acceptsQueryToken ? queryValues(request, TOKEN_PARAMETER) : [];
    // Two tokens would let the gateway check one while something before it looked at the other.
    if (inQuery.length + (bearer === undefined || bearer === anonKey ? 0 : 1) > 1) {
      throw refused('shape', 'repeated_token');
    }
    return inQuery[0] ?? bearer ?? '';
  };

  return {
    kind: 'user',
    headers: HEADERS,
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'signature', 'expiry', 'claims', 'session', 'permission'],
    isPresented(request, route) {
      const bearer = bearerOf(request);
      if (bearer !== undefined && bearer !== anonKey) {
        const kind = kindOfBearer(bearer);
        // Whatever is no other kind of ours is a bad token, unless it is one of another kind that is taken here.
        return kind === 'user' || (kind === null && !route.credentials.includes('integration_token'));
      }
      return route.acceptsQueryToken === true && queryValues(request, TOKEN_PARAMETER).length > 0;
    },
    admit(request, route, beforeAsking) {
      const token = readToken(request, route);
      if (token.length > CHARACTERS_MAX) throw refused('shape', 'too_long');
      const header = readHeader(token);
      const id = hash('sha256', token);
      const known = lookup.known(id);
      if (known) return known;
      if (!PARTS.test(token)) throw refused('shape', 'malformed_token');
      const origin = checkIssuer(header, readIssuer(token));
      if (!lookup.wasGood(id)) beforeAsking();
      return lookUp(id, token, header, origin);
    },
    authorize(route, principal) {
      if (principal.kind !== 'user') throw new TypeError('not a principal of this credential');
      requireRole(route, principal);
    },
    onChange: lookup.onChange,
    close() {
      lookup.close();
      listening.stop();
      stopDoubting();
    },
  };
};
