import { hash } from 'node:crypto';
import type { Bus } from '@switchboard/bus';
import {
  AppError,
  type Clock,
  displayPrefix,
  type Environment,
  errors,
  hashKey,
  hasPermission,
  hasValidChecksum,
  keyPrefixes,
  partnerEvents,
  partnerRpcs,
} from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { type Admission, type Credential, RefusedCredential } from './credential.ts';
import { compileIpList } from './ip-list.ts';
import { createKeyCache, type Verdict } from './key-cache.ts';

export interface PartnerKeyOptions {
  readonly bus: Pick<Bus, 'request' | 'subscribe' | 'isConnected' | 'onConnect'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheSeconds: number;
  readonly staleSeconds: number;
  /** How long a request with an unknown key waits for partner-service to come back. */
  readonly waitSeconds: number;
}

const HOW_TO_SEND =
  'Send Authorization: Bearer pk_sandbox_… or pk_production_… together with X-API-Secret: sk_…';
const LOOKUP_TIMEOUT_MS = 2_000;
const LOOKUP_PAUSE_MS = 200;
const BEARER = /^bearer +(\S+) *$/i;

interface Pair {
  readonly key: string;
  readonly secret: string;
  readonly environment: Environment;
}

interface KnownKey {
  /** The bearer token, whatever it is; undefined when the header is no bearer. */
  readonly bearer: string | undefined;
  /** What a key of ours with a good checksum says of itself. */
  readonly environment: Environment | null;
}

const environmentOf = (key: string): Environment | null => {
  if (hasValidChecksum(key, keyPrefixes.partnerSandbox)) return 'sandbox';
  return hasValidChecksum(key, keyPrefixes.partnerProduction) ? 'production' : null;
};

const KNOWN_KEYS_MAX = 5_000;
const knownKeys = new LRUCache<string, KnownKey>({ max: KNOWN_KEYS_MAX });

/** Reads an Authorization header. The same ones come over and over, and are read once. */
const readAuthorization = (header: string): KnownKey => {
  const known = knownKeys.get(header);
  if (known) return known;
  const bearer = BEARER.exec(header)?.[1];
  const read = { bearer, environment: bearer === undefined ? null : environmentOf(bearer) };
  // Only what may be a key: nobody shall fill this with anything else.
  if (read.environment !== null) knownKeys.set(header, read);
  return read;
};

const bearerOf = (request: FastifyRequest): string | undefined =>
  readAuthorization(request.headers.authorization ?? '').bearer;

/** Every reason looks the same to the caller: status, body, headers. */
const refused = (reason: string, keyId: string | null = null) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The API key or its secret is not valid' }),
    reason,
    keyId,
  );

const switchedOff = () => new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });

const missingSecret = () =>
  new RefusedCredential(
    new AppError('MISSING_CREDENTIAL', { message: `X-API-Secret is missing. ${HOW_TO_SEND}` }),
    'missing_secret',
  );

// Node keeps the first of two Authorization headers and joins two of any other: two would let the gateway check one
// credential while something before it looked at the other.
const presentsTwice = (rawHeaders: readonly string[]): boolean => {
  let keys = 0;
  let secrets = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') keys += 1;
    else if (name.length === 12 && name.toLowerCase() === 'x-api-secret') secrets += 1;
  }
  return keys > 1 || secrets > 1;
};

const readPair = (request: FastifyRequest): Pair => {
  if (presentsTwice(request.raw.rawHeaders)) throw refused('repeated_header');
  const { bearer: key, environment } = readAuthorization(request.headers.authorization ?? '');
  const secret = request.headers['x-api-secret'];
  if (key === undefined) {
    throw new RefusedCredential(
      new AppError('MISSING_CREDENTIAL', { message: `Authorization is missing. ${HOW_TO_SEND}` }),
      'missing_key',
    );
  }
  if (typeof secret !== 'string' || secret === '') throw missingSecret();
  // Costs half a microsecond; what was mistyped or made up ends here, before any hash or look-up.
  if (environment === null) throw refused('malformed_key');
  if (!hasValidChecksum(secret, keyPrefixes.partnerSecret)) throw refused('malformed_secret');
  return { key, secret, environment };
};

// One hash names the pair in the cache: secrets are not kept, and what is compared are hashes.
const cacheIdOf = ({ key, secret }: Pair): string => hash('sha256', `${key} ${secret}`);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** `partner_key`: a key pair of a business partner, issued by partner-service (spec: common contract, partner). */
export const createPartnerKeyCredential = (options: PartnerKeyOptions): Credential => {
  const { bus, clock, log } = options;
  const cache = createKeyCache<Admission>(options);

  const askOwner = async ({ key, secret }: Pair, mayWait: boolean) => {
    const question = { key_hash: hashKey(key), secret_hash: hashKey(secret) };
    // Whoever has a verdict to fall back on does not wait for NATS.
    if (!mayWait && !bus.isConnected()) throw new AppError('SERVICE_UNAVAILABLE');
    const waitUntilMs = performance.now() + options.waitSeconds * 1000;
    while (true) {
      try {
        return await bus.request(partnerRpcs.verifyKey, question, { timeoutMs: LOOKUP_TIMEOUT_MS });
      } catch (error) {
        // partner-service restarts: NATS says at once that nobody listens. Without NATS nobody can say when it ends.
        const restarts =
          bus.isConnected() && error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE';
        if (!restarts || !mayWait || performance.now() > waitUntilMs) throw error;
        await pause(LOOKUP_PAUSE_MS);
      }
    }
  };

  const ask = async (id: string, pair: Pair): Promise<Verdict<Admission>> => {
    const answer = await askOwner(pair, !cache.hasFallback(id));
    if (!answer.ok) return { ok: false, reason: answer.reason, keyId: answer.key_id };
    const { principal } = answer;
    if (principal.environment !== pair.environment) {
      log.error({ keyId: principal.key_id }, 'a key says another environment than its row');
      return { ok: false, reason: 'other_environment', keyId: principal.key_id };
    }
    return {
      ok: true,
      keyId: principal.key_id,
      validUntilMs: answer.valid_until === null ? Number.POSITIVE_INFINITY : Date.parse(answer.valid_until),
      good: {
        principal: Object.freeze(principal),
        limit: answer.rate_limit_per_minute,
        allowsAddress: compileIpList(answer.allowed_ips),
      },
    };
  };

  const listening = bus.subscribe(partnerEvents.keyChanged, ({ key_id }) => cache.forgetKey(key_id));
  // Whatever was said while we were not connected was not heard.
  const stopDoubting = bus.onConnect(() => cache.doubtAll());

  const admissionOf = (verdict: Verdict<Admission>): Admission => {
    if (!verdict.ok) {
      throw verdict.reason === 'surface_disabled' ? switchedOff() : refused(verdict.reason, verdict.keyId);
    }
    if (clock.now().getTime() >= verdict.validUntilMs) throw refused('expired', verdict.keyId);
    return verdict.good;
  };

  const lookUp = async (id: string, pair: Pair): Promise<Admission> => {
    let verdict: Verdict<Admission>;
    try {
      verdict = await cache.verify(id, () => ask(id, pair));
    } catch (error) {
      log.warn({ err: error, keyPrefix: displayPrefix(pair.key) }, 'a key cannot be looked up');
      throw new AppError('SERVICE_UNAVAILABLE', {
        message: 'Credentials cannot be checked right now; try again shortly',
        headers: { 'retry-after': '5' },
        cause: error,
      });
    }
    return admissionOf(verdict);
  };

  return {
    kind: 'partner_key',
    headers: ['authorization', 'x-api-secret'],
    howToSend: HOW_TO_SEND,
    isPresented(request) {
      const bearer = bearerOf(request);
      if (bearer === undefined) {
        // The secret alone is half of a pair, unless it belongs to an X-API-Key.
        return request.headers['x-api-secret'] !== undefined && request.headers['x-api-key'] === undefined;
      }
      return bearer.startsWith('pk_');
    },
    admit(request, beforeAsking) {
      const pair = readPair(request);
      const id = cacheIdOf(pair);
      const known = cache.peek(id);
      if (known) return admissionOf(known);
      // A pair that was good a moment ago is no guess: strangers at its address shall not lock it out.
      if (!cache.hasFallback(id)) beforeAsking();
      return lookUp(id, pair);
    },
    authorize({ route }, principal) {
      if (principal.kind !== 'partner_key') throw new TypeError('not a principal of this credential');
      if (route.permission && !hasPermission(principal.permissions, route.permission)) {
        throw errors.insufficientPermissions(route.permission);
      }
    },
    close() {
      listening.stop();
      stopDoubting();
    },
  };
};
