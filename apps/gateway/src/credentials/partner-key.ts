import { hash } from 'node:crypto';
import {
  AppError,
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
import { LRUCache } from 'lru-cache';
import { type Check, type Credential, type PresentedRequest, RefusedCredential } from './credential.ts';
import { compileIpList } from './ip-list.ts';
import { aboutRefused, createLookup, endOf, type LookupOptions } from './lookup.ts';
import { bearerOf, presentsTwice } from './presented.ts';

const HOW_TO_SEND =
  'Send Authorization: Bearer pk_sandbox_… or pk_production_… together with X-API-Secret: sk_…';
const HEADERS = ['authorization', 'x-api-secret'] as const;

interface Pair {
  readonly key: string;
  readonly secret: string;
  readonly environment: Environment;
}

const environmentOf = (key: string): Environment | null => {
  if (hasValidChecksum(key, keyPrefixes.partnerSandbox)) return 'sandbox';
  return hasValidChecksum(key, keyPrefixes.partnerProduction) ? 'production' : null;
};

const KNOWN_KEYS_MAX = 5_000;
/** What keys of ours with a good checksum say of themselves, by the header that carries them. */
const knownKeys = new LRUCache<string, { readonly key: string; readonly environment: Environment }>({
  max: KNOWN_KEYS_MAX,
});

/** Reads the key of a request. The same ones come over and over, and are read once. */
const readKey = (request: PresentedRequest): { key: string | undefined; environment: Environment | null } => {
  const header = request.headers.authorization ?? '';
  const known = knownKeys.get(header);
  if (known) return known;
  const key = bearerOf(request);
  const environment = key === undefined ? null : environmentOf(key);
  // Only what may be a key: nobody shall fill this with anything else.
  if (key !== undefined && environment !== null) knownKeys.set(header, { key, environment });
  return { key, environment };
};

/** Every reason looks the same to the caller: status, body, headers. */
const refused = (check: Check, reason: string, keyId: string | null = null) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The API key or its secret is not valid' }),
    check,
    reason,
    keyId,
  );

const incomplete = (header: string, reason: string) =>
  new RefusedCredential(
    new AppError('MISSING_CREDENTIAL', { message: `${header} is missing. ${HOW_TO_SEND}` }),
    'shape',
    reason,
  );

const switchedOff = () => new AppError('SERVICE_UNAVAILABLE', { message: 'This API is switched off here' });

const readPair = (request: PresentedRequest): Pair => {
  if (presentsTwice(request, HEADERS)) throw refused('shape', 'repeated_header');
  const { key, environment } = readKey(request);
  const secret = request.headers['x-api-secret'];
  if (key === undefined) throw incomplete('Authorization', 'missing_key');
  if (typeof secret !== 'string' || secret === '') throw incomplete('X-API-Secret', 'missing_secret');
  // Costs half a microsecond; what was mistyped or made up ends here, before any hash or look-up.
  if (environment === null) throw refused('shape', 'malformed_key');
  if (!hasValidChecksum(secret, keyPrefixes.partnerSecret)) throw refused('shape', 'malformed_secret');
  return { key, secret, environment };
};

// One hash names the pair in the cache: secrets are not kept, and what is compared are hashes.
const cacheIdOf = ({ key, secret }: Pair): string => hash('sha256', `${key} ${secret}`);

/** `partner_key`: a key pair of a business partner, issued by partner-service (spec: common contract, partner). */
export const createPartnerKeyCredential = (options: LookupOptions): Credential => {
  const { log } = options;
  const lookup = createLookup(
    options,
    (reason, keyId) => (reason === 'surface_disabled' ? switchedOff() : refused('lookup', reason, keyId)),
    (keyId) => refused('expiry', 'expired', keyId),
  );
  lookup.forgetOn(partnerEvents.keyChanged, ({ key_id }) => key_id);

  const lookUp = (id: string, { key, secret, environment }: Pair) =>
    lookup.find(id, { keyPrefix: displayPrefix(key) }, async (ask) => {
      const question = { key_hash: hashKey(key), secret_hash: hashKey(secret) };
      const answer = await ask(partnerRpcs.verifyKey, question);
      if (!answer.ok) return { ok: false, reason: answer.reason, about: aboutRefused(answer.key_id) };
      const { principal } = answer;
      if (principal.environment !== environment) {
        log.error({ keyId: principal.key_id }, 'a key says another environment than its row');
        return { ok: false, reason: 'other_environment', about: [principal.key_id] };
      }
      return {
        ok: true,
        about: [principal.key_id],
        validUntilMs: endOf(answer.valid_until),
        good: {
          principal: Object.freeze(principal),
          limit: answer.rate_limit_per_minute,
          allowsAddress: compileIpList(answer.allowed_ips),
        },
      };
    });

  return {
    kind: 'partner_key',
    headers: HEADERS,
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'lookup', 'expiry', 'address', 'permission'],
    isPresented(request) {
      const { key } = readKey(request);
      if (key === undefined) {
        // The secret alone is half of a pair, unless it belongs to an X-API-Key.
        return request.headers['x-api-secret'] !== undefined && request.headers['x-api-key'] === undefined;
      }
      return key.startsWith('pk_');
    },
    admit(request, _route, beforeAsking) {
      const pair = readPair(request);
      const id = cacheIdOf(pair);
      const known = lookup.known(id);
      if (known) return known;
      if (!lookup.wasGood(id)) beforeAsking();
      return lookUp(id, pair);
    },
    authorize({ permission }, principal) {
      if (principal.kind !== 'partner_key') throw new TypeError('not a principal of this credential');
      if (permission && !hasPermission(principal.permissions, permission)) {
        throw errors.insufficientPermissions(permission);
      }
    },
    displayOf: (request) => {
      const { key, environment } = readKey(request);
      return key === undefined || environment === null ? null : displayPrefix(key);
    },
    onChange: lookup.onChange,
    close: lookup.close,
  };
};
