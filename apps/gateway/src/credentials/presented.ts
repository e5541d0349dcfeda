import { hash, timingSafeEqual } from 'node:crypto';
import { type CredentialKind, keyPrefixes } from '@switchboard/contracts';
import type { PresentedRequest } from './credential.ts';

const BEARER = /^bearer +(\S+) *$/i;

let lastHeader = '';
let lastBearer: string | undefined;

/** The bearer token of a request, whatever it is; undefined when there is none. */
export const bearerOf = ({ headers }: PresentedRequest): string | undefined => {
  const header = headers.authorization ?? '';
  // Several kinds ask about the same request, one after another: it is read once (of a JWT 1 µs a time).
  if (header === lastHeader) return lastBearer;
  lastHeader = header;
  lastBearer = BEARER.exec(header)?.[1];
  return lastBearer;
};

/** The kind that a bearer token says it is; null when nothing of it says so. */
export const kindOfBearer = (bearer: string): CredentialKind | null => {
  if (bearer.startsWith('pk_')) return 'partner_key';
  if (bearer.startsWith(keyPrefixes.integrationToken)) return 'integration_token';
  if (bearer.startsWith(keyPrefixes.apiKey) || bearer.startsWith(keyPrefixes.apiSecret)) return 'api_key';
  if (bearer.startsWith(keyPrefixes.ticket)) return 'ticket';
  // `{"` in base64. Whether the rest of it is a JWT too is checked when it is taken for one.
  return bearer.startsWith('eyJ') && bearer.includes('.') ? 'user' : null;
};

/**
 * Whether one of the headers came more than once. Node keeps the first of two Authorization headers and joins two of any
 * other: two would let the gateway check one credential while something before it looked at the other.
 */
export const presentsTwice = (
  { raw: { rawHeaders } }: PresentedRequest,
  names: readonly string[],
): boolean => {
  let seen = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    for (let index = 0; index < names.length; index += 1) {
      const wanted = names[index] ?? '';
      if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
      const bit = 1 << index;
      if ((seen & bit) !== 0) return true;
      seen |= bit;
    }
  }
  return false;
};

/** The values of a query parameter, as the services would read them. */
export const queryValues = ({ raw: { url = '' } }: PresentedRequest, name: string): readonly string[] => {
  const at = url.indexOf('?');
  return at === -1 ? [] : new URLSearchParams(url.slice(at + 1)).getAll(name);
};

/** Compares in a time that tells nothing of the expected value. */
export const isSame = (given: string, expected: string): boolean =>
  timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'));
