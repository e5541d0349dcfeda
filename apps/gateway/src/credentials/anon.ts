import { AppError } from '@switchboard/contracts';
import { type Admission, type Credential, type PresentedRequest, RefusedCredential } from './credential.ts';
import { bearerOf, isSame, kindOfBearer, presentsTwice } from './presented.ts';

export interface AnonOptions {
  readonly anonKey?: string | undefined;
}

const HOW_TO_SEND = 'Send apikey: <the anon key>';
const HEADERS = ['apikey', 'authorization'] as const;
const CHARACTERS_MAX = 8_192;

const ADMISSION: Admission = {
  principal: Object.freeze({ kind: 'anon' }),
  limit: null,
  allowsAddress: () => true,
};

const refused = (check: 'shape' | 'lookup', reason: string) =>
  new RefusedCredential(
    new AppError('INVALID_CREDENTIAL', { message: 'The anon key is not valid' }),
    check,
    reason,
  );

const apikeyOf = ({ headers }: PresentedRequest): string | undefined =>
  typeof headers.apikey === 'string' ? headers.apikey : undefined;

/**
 * `anon`: a program that nobody has signed in to (spec: common contract). Its key is public: it tells which
 * installation a program was made for, and opens only what lists it. A signed-out supabase-js sends it in both headers.
 */
export const createAnonCredential = ({ anonKey }: AnonOptions): Credential => {
  const isAnonKey = (key: string): boolean =>
    anonKey !== undefined && key.length <= CHARACTERS_MAX && isSame(key, anonKey);

  return {
    kind: 'anon',
    headers: HEADERS,
    howToSend: HOW_TO_SEND,
    checks: ['presented', 'shape', 'lookup'],
    isPresented(request, route) {
      const bearer = bearerOf(request);
      // Whoever is signed in is a user where users are taken, and a program like any other elsewhere.
      if (bearer === undefined || bearer === anonKey)
        return bearer === anonKey || apikeyOf(request) !== undefined;
      return apikeyOf(request) !== undefined && !route.credentials.includes('user');
    },
    admit(request) {
      if (presentsTwice(request, HEADERS)) throw refused('shape', 'repeated_header');
      if (anonKey === undefined) throw refused('lookup', 'not_configured');
      const apikey = apikeyOf(request);
      const bearer = bearerOf(request);
      if (apikey !== undefined && !isAnonKey(apikey)) throw refused('lookup', 'other_key');
      const isUnrelated = bearer !== undefined && kindOfBearer(bearer) === 'user' && apikey !== undefined;
      if (bearer !== undefined && !isUnrelated && !isAnonKey(bearer)) throw refused('lookup', 'other_key');
      return ADMISSION;
    },
    authorize(_route, principal) {
      if (principal.kind !== 'anon') throw new TypeError('not a principal of this credential');
    },
    close() {},
  };
};
