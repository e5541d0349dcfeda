import { readFileSync } from 'node:fs';
import { AppError } from '@switchboard/contracts';

export const PASSWORD_CHARACTERS_MIN = 8;
/** argon2 takes any length; this only keeps a megabyte from being hashed. */
export const PASSWORD_BYTES_MAX = 1024;

const common: ReadonlySet<string> = new Set(
  readFileSync(new URL('../../../assets/common-passwords.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n'),
);

const weak = (reason: 'length' | 'pwned', message: string): AppError =>
  new AppError('WEAK_PASSWORD', { message, details: { reasons: [reason] } });

/** @throws WEAK_PASSWORD, with the reasons that supabase-js knows */
export const assertGoodPassword = (password: string): void => {
  if ([...password].length < PASSWORD_CHARACTERS_MIN) {
    throw weak('length', `Password should be at least ${PASSWORD_CHARACTERS_MIN} characters.`);
  }
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    throw weak('length', `Password should be at most ${PASSWORD_BYTES_MAX} bytes.`);
  }
  if (common.has(password.toLowerCase())) {
    throw weak('pwned', 'Password is known to be weak and easy to guess, please choose a different one.');
  }
};
