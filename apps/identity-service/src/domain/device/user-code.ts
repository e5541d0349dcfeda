import { randomInt } from 'node:crypto';
import type { Secrets } from '../tokens/secrets.ts';

/**
 * No vowels, so that no words come out, and of characters that look or sound alike only one: neither 0 nor O, neither 1
 * nor I nor L, Z but not 2, S but not 5, B but not 8, G but not 6. 24 of them give 1.1e11 codes (RFC 8628, 6.1 and 5.1).
 */
const ALPHABET = 'BCDFGHJKMNPQRSTVWXYZ3479';
const CHARACTERS = 8;
const HALF = CHARACTERS / 2;
const CODE = new RegExp(`^[${ALPHABET}]{${CHARACTERS}}$`);

/** A new code as it is shown: `WXYZ-3479`. */
export const makeUserCode = (): string => {
  let code = '';
  for (let i = 0; i < CHARACTERS; i += 1) code += ALPHABET[randomInt(ALPHABET.length)];
  return showUserCode(code);
};

export const showUserCode = (code: string): string => `${code.slice(0, HALF)}-${code.slice(HALF)}`;

/** What was typed as the eight characters of a code; null when it cannot be one. Case, dashes and blanks do not matter. */
export const readUserCode = (typed: string): string | null => {
  const code = typed.toUpperCase().replace(/[\s\p{Pd}_.]/gu, '');
  return CODE.test(code) ? code : null;
};

/**
 * How a code is stored: keyed, because one of eight characters is found from a plain hash in no time. The first hash is
 * of the current key.
 */
export const hashUserCode = (secrets: Secrets, code: string): readonly string[] =>
  secrets.macs('device user codes', code.replace('-', '')).map((mac) => mac.toString('hex'));
