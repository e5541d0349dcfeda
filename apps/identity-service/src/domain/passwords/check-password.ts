import { AppError } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import { normalizeEmail } from '../users/email.ts';
import { findUserByEmail, type UserRecord } from '../users/user-repository.ts';
import { PASSWORD_BYTES_MAX } from './good-password.ts';

/**
 * Who signs in with this address and password. Null, after the same work, for an unknown address, a wrong password, a
 * user without a password and one that is disabled.
 *
 * @throws EMAIL_NOT_CONFIRMED to whoever knows the password of an address that is not confirmed yet
 */
export const checkPassword = async (
  { data, hashing }: Deps,
  input: { readonly email: string; readonly password: string },
): Promise<UserRecord | null> => {
  const email = normalizeEmail(input.email);
  const user = await findUserByEmail(data.db, email ?? '');
  const isTooLong = Buffer.byteLength(input.password) > PASSWORD_BYTES_MAX;
  const isRight = await hashing.verify(isTooLong ? '' : input.password, user?.passwordHash ?? null);
  if (!user || !isRight || isTooLong || user.disabledAt !== null) return null;
  if (user.emailConfirmedAt === null) throw new AppError('EMAIL_NOT_CONFIRMED');
  return user;
};
