import { hash } from 'node:crypto';
import {
  AppError,
  displayPrefix,
  hashKey,
  hasValidChecksum,
  identityEvents,
  identityRpcs,
  keyPrefixes,
} from '@switchboard/contracts';
import { type Check, type Credential, type PresentedRequest, RefusedCredential } from './credential.ts';
import { compileIpList } from './ip-list.ts';
import { aboutRefused, createLookup, endOf, type LookupOptions } from './lookup.ts';
import { bearerOf, isSame, kindOfBearer, presentsTwice } from './presented.ts';

export interface ApiKeyOptions extends LookupOptions {
  /** The key of a pair that the environment gives: it may be of any form. */
  readonly environmentKey?: string | undefined;
}

const HOW_TO_SEND = 'Send X-API-Key: ak_… together with X-API-Secret: as_…';
const HEADERS = ['x-api-key', 'x-api-secret'] as const;
/** Of a pair that the environment gives. */
const CHARACTERS_MAX = 512;

interface Pair {
  readonly key: string;
  readonly secret: string;
}

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

const textOf = (request: PresentedRequest, name: (typeof HEADERS)[number]): string | null => {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
};

const cacheIdOf = ({ key, secret }: Pair): string => hash('sha256', `${key} ${secret}`);

/** `api_key`: a key pair of the calls surface, issued by identity-service (spec: common contract, identity). */
export const createApiKeyCredential = (options: ApiKeyOptions): Credential => {
  const { environmentKey } = options;
  const lookup = createLookup(
    options,
    (reason, keyId) => refused('lookup', reason, keyId),
    (keyId) => refused('expiry', 'expired', keyId),
  );
  lookup.forgetOn(identityEvents.apiKeyChanged, ({ key_id }) => key_id);

  const isOfEnvironment = (key: string): boolean =>
    environmentKey !== undefined && key.length <= CHARACTERS_MAX && isSame(key, environmentKey);

  const readPair = (request: PresentedRequest): Pair => {
    if (presentsTwice(request, HEADERS)) throw refused('shape', 'repeated_header');
    const key = textOf(request, 'x-api-key');
    const secret = textOf(request, 'x-api-secret');
    if (key === null) throw incomplete('X-API-Key', 'missing_key');
    if (secret === null) throw incomplete('X-API-Secret', 'missing_secret');
    const hasGoodKey = hasValidChecksum(key, keyPrefixes.apiKey);
    if (hasGoodKey && hasValidChecksum(secret, keyPrefixes.apiSecret)) return { key, secret };
    if (isOfEnvironment(key)) {
      if (secret.length > CHARACTERS_MAX) throw refused('shape', 'malformed_secret');
      return { key, secret };
    }
    throw refused('shape', hasGoodKey ? 'malformed_secret' : 'malformed_key');
  };

  const lookUp = (id: string, { key, secret }: Pair) =>
    lookup.find(
      id,
      { keyPrefix: hasValidChecksum(key, keyPrefixes.apiKey) ? displayPrefix(key) : 'API_KEY' },
      async (ask) => {
        const question = { key_hash: hashKey(key), secret_hash: hashKey(secret) };
        const answer = await ask(identityRpcs.verifyApiKey, question);
        if (!answer.ok) return { ok: false, reason: answer.reason, about: aboutRefused(answer.key_id) };
        return {
          ok: true,
          about: [answer.principal.key_id],
          validUntilMs: endOf(answer.valid_until),
          good: {
            principal: Object.freeze(answer.principal),
            limit: answer.rate_limit_per_minute,
            allowsAddress: compileIpList(answer.allowed_ips),
          },
        };
      },
    );

  return {
    kind: 'api_key',
    headers: HEADERS,
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'lookup', 'expiry', 'address', 'permission'],
    isPresented(request) {
      if (request.headers['x-api-key'] !== undefined) return true;
      if (request.headers['x-api-secret'] === undefined) return false;
      // The secret alone is half of a pair, unless it belongs to a partner's key.
      const bearer = bearerOf(request);
      return bearer === undefined || kindOfBearer(bearer) !== 'partner_key';
    },
    admit(request, _route, beforeAsking) {
      const pair = readPair(request);
      const id = cacheIdOf(pair);
      const known = lookup.known(id);
      if (known) return known;
      if (!lookup.wasGood(id)) beforeAsking();
      return lookUp(id, pair);
    },
    authorize(_route, principal) {
      if (principal.kind !== 'api_key') throw new TypeError('not a principal of this credential');
    },
    displayOf: (request) => {
      const key = textOf(request, 'x-api-key');
      return key !== null && hasValidChecksum(key, keyPrefixes.apiKey) ? displayPrefix(key) : null;
    },
    onChange: lookup.onChange,
    close: lookup.close,
  };
};
