import { AppError, errors, identityEvents, type UserPrincipal } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { queueMail } from '../mail/queue-mail.ts';
import { assertGoodPassword } from '../passwords/good-password.ts';
import { redirectOrHome } from '../redirects.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { lockSession } from '../sessions/session-repository.ts';
import type { CodeChallenge } from '../sign-in/auth-code.ts';
import { dropOneTimeTokens } from '../sign-in/one-time-token.ts';
import { queueTokenMail } from '../sign-in/queue-token-mail.ts';
import { emailIdentityData } from './create-user.ts';
import { requireEmail } from './email.ts';
import {
  findIdentities,
  findUserByEmail,
  findUserById,
  type IdentityRecord,
  lockUser,
  putIdentity,
  type UserChanges,
  type UserRecord,
  updateUser,
} from './user-repository.ts';

export interface ChangeOwnUserInput {
  readonly email: string | null;
  readonly password: string | null;
  readonly currentPassword: string | null;
  /** Merged into what is there; null removes a key. */
  readonly userMetadata: Readonly<Record<string, unknown>> | null;
  readonly challenge: CodeChallenge | null;
  readonly redirectTo: string | undefined;
}

export interface ChangedUser {
  readonly user: UserRecord;
  readonly identities: readonly IdentityRecord[];
  /** An address that waits for its mail to be followed. */
  readonly pendingEmail: { readonly email: string; readonly mailedAt: Date } | null;
}

/** It travels in every access token, and those in a header, of which servers take 16 KiB in all. */
const METADATA_BYTES_MAX = 4096;

const mergeMetadata = (
  known: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => {
  const merged = Object.fromEntries(
    Object.entries({ ...known, ...given }).filter(([, value]) => value !== null),
  );
  if (Buffer.byteLength(JSON.stringify(merged)) > METADATA_BYTES_MAX) {
    throw errors.invalidInput([
      {
        field: 'data',
        message: `must have, with what is stored, at most ${METADATA_BYTES_MAX} bytes as JSON`,
      },
    ]);
  }
  return merged;
};

/** Hashes the new password before the transaction, which shall not wait for a slow hash. */
const hashNewPassword = async (
  { data, hashing }: Deps,
  userId: string,
  { password, currentPassword }: ChangeOwnUserInput,
): Promise<string | null> => {
  if (password === null) return null;
  assertGoodPassword(password);
  const user = await findUserById(data.db, userId);
  const known = user?.passwordHash ?? null;
  if (currentPassword !== null && !(await hashing.verify(currentPassword, known))) {
    throw new AppError('INVALID_CREDENTIALS');
  }
  if (known !== null && (await hashing.verify(password, known))) throw new AppError('SAME_PASSWORD');
  return hashing.hash(password);
};

const changeEmailAtOnce = async (
  { trx, emit }: Tools<'identity'>,
  { data }: Deps,
  user: UserRecord,
  email: string,
): Promise<void> => {
  const at = data.clock.now();
  if (await findUserByEmail(trx, email)) throw new AppError('EMAIL_EXISTS');
  await dropOneTimeTokens(trx, user.id);
  await updateUser(trx, user.id, { email, emailConfirmedAt: at }, at);
  await putIdentity(trx, {
    id: data.ids.next(),
    userId: user.id,
    provider: 'email',
    providerId: user.id,
    identityData: emailIdentityData(user.id, email, false),
    signedInAt: null,
    at,
  });
  emit(identityEvents.userChanged, { user_id: user.id, change: 'updated' });
};

const changeEmailByMail = async (
  tools: Tools<'identity'>,
  deps: Deps,
  user: UserRecord,
  { email, challenge, redirectTo }: ChangeOwnUserInput & { readonly email: string },
): Promise<void> => {
  // Whoever is signed in shall not find out so who else is here.
  const isTaken = (await findUserByEmail(tools.trx, email)) !== null;
  await queueTokenMail(tools, deps, {
    purpose: 'email_change',
    userId: isTaken ? null : user.id,
    email,
    challenge,
    redirectTo: redirectOrHome(deps.config, redirectTo),
  });
  if (user.email === null) return;
  await queueMail(tools, deps, {
    kind: 'email_change_notice',
    userId: user.id,
    toEmail: user.email,
    subject: 'Your address is to be changed',
    text: `Somebody who is signed in as you asked to change your address to ${email}.\n\nIf it was not you, choose a new password now.\n`,
  });
};

/** Nothing of a user is changed by a token whose session is over. */
const lockOwn = async ({ trx }: Tools<'identity'>, principal: UserPrincipal): Promise<UserRecord> => {
  const user = await lockUser(trx, principal.user_id);
  if (!user || user.disabledAt !== null) throw new AppError('USER_NOT_FOUND');
  const session = principal.session_id === null ? null : await lockSession(trx, principal.session_id);
  if (session?.userId !== user.id || session.endedAt !== null) throw new AppError('SESSION_NOT_FOUND');
  return user;
};

/**
 * Changes e-mail, password and metadata of whoever is signed in. A new password ends all other sessions and voids every mail
 * that is under way. A new address must be confirmed where addresses must be; until then the old one stays.
 *
 * @throws FORBIDDEN for external users, WEAK_PASSWORD, SAME_PASSWORD, INVALID_CREDENTIALS (the current password), EMAIL_EXISTS
 */
export const changeOwnUser = async (
  deps: Deps,
  principal: UserPrincipal,
  input: ChangeOwnUserInput,
): Promise<ChangedUser> => {
  if (principal.origin === 'external') {
    throw new AppError('FORBIDDEN', {
      message: 'This user belongs to another Supabase project: change it there',
    });
  }
  const { config, data } = deps;
  const email = input.email === null ? null : requireEmail(input.email);
  const passwordHash = await hashNewPassword(deps, principal.user_id, input);
  return transact(data, async (tools) => {
    const { trx } = tools;
    const known = await lockOwn(tools, principal);
    const at = data.clock.now();
    const changes: UserChanges = {
      ...(input.userMetadata && { userMetadata: mergeMetadata(known.userMetadata, input.userMetadata) }),
      ...(passwordHash !== null && { passwordHash }),
    };
    if (passwordHash !== null) {
      await dropOneTimeTokens(trx, known.id);
      const except = principal.session_id;
      await endSessions(tools, deps, { userId: known.id, except, reason: 'password_changed' });
    }
    await updateUser(trx, known.id, changes, at);
    const newEmail = email === null || email === known.email ? null : email;
    const { requireEmailConfirmation } = config.identity;
    if (newEmail !== null && requireEmailConfirmation) {
      await changeEmailByMail(tools, deps, known, { ...input, email: newEmail });
    } else if (newEmail !== null) await changeEmailAtOnce(tools, deps, known, newEmail);
    const [user, identities] = [await findUserById(trx, known.id), await findIdentities(trx, known.id)];
    if (!user) throw new AppError('USER_NOT_FOUND');
    const pendingEmail =
      newEmail !== null && requireEmailConfirmation ? { email: newEmail, mailedAt: at } : null;
    return { user, identities, pendingEmail };
  });
};
