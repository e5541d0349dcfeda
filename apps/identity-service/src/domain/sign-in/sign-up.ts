import { AppError } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { assertGoodPassword } from '../passwords/good-password.ts';
import { redirectOrHome } from '../redirects.ts';
import { type IssuedSession, startSession } from '../sessions/start-session.ts';
import { createUser, emailIdentityData } from '../users/create-user.ts';
import { requireEmail } from '../users/email.ts';
import {
  findIdentities,
  findUserByEmail,
  type IdentityRecord,
  type UserRecord,
  updateUser,
} from '../users/user-repository.ts';
import type { CodeChallenge } from './auth-code.ts';
import { queueTokenMail } from './queue-token-mail.ts';

export interface SignUpInput {
  readonly email: string;
  readonly password: string;
  readonly userMetadata: Readonly<Record<string, unknown>>;
  readonly challenge: CodeChallenge | null;
  readonly redirectTo: string | undefined;
  readonly caller: Caller;
}

export type SignedUp =
  | { readonly session: IssuedSession }
  | {
      readonly user: UserRecord;
      readonly identities: readonly IdentityRecord[];
      readonly mailedAt: Date;
    };

interface Checked extends Omit<SignUpInput, 'password'> {
  readonly passwordHash: string;
  /** The hash of the same password that waits for its address to be confirmed; null when none does. */
  readonly waitingHash: string | null;
}

const signUpAtOnce = (deps: Deps, input: Checked): Promise<SignedUp> =>
  transact(deps.data, async (tools) => {
    const user = await createUser(tools, deps, { ...input, isConfirmed: true });
    if (!user) throw new AppError('USER_ALREADY_EXISTS');
    const { caller } = input;
    const session = await startSession(deps, tools, {
      userId: user.id,
      method: 'password',
      clientName: null,
      caller,
    });
    return { session };
  });

/**
 * A user who is nobody, as if just made. Answered for every address that is known, confirmed or not and with a new id each
 * time, so that asking twice tells nothing either.
 */
const inventUser = ({ data }: Deps, { email, passwordHash, userMetadata }: Checked): SignedUp => {
  const at = data.clock.now();
  const id = data.ids.next();
  const user: UserRecord = {
    id,
    origin: 'local',
    email,
    emailConfirmedAt: null,
    passwordHash,
    role: 'user',
    roleIsSet: false,
    businessId: null,
    userMetadata,
    tokensValidFrom: null,
    disabledAt: null,
    lastSignInAt: null,
    createdAt: at,
    updatedAt: at,
  };
  const identity: IdentityRecord = {
    id: data.ids.next(),
    userId: id,
    provider: 'email',
    providerId: id,
    identityData: emailIdentityData(id, email, false),
    lastSignInAt: null,
    createdAt: at,
    updatedAt: at,
  };
  return { user, identities: [identity], mailedAt: at };
};

/** The same work for every address. */
const findSamePassword = async (
  { data, hashing }: Deps,
  email: string,
  password: string,
): Promise<string | null> => {
  const user = await findUserByEmail(data.db, email);
  const isWaiting = user !== null && user.emailConfirmedAt === null;
  const waiting = isWaiting ? user.passwordHash : null;
  return (await hashing.verify(password, waiting)) ? waiting : null;
};

/** Whom the mail is for: nobody when the address is confirmed already, or its user may not sign in. */
const recipientOf = async (
  { trx }: Tools<'identity'>,
  { data }: Deps,
  known: UserRecord,
  { waitingHash, userMetadata }: Checked,
): Promise<string | null> => {
  if (known.emailConfirmedAt !== null || known.disabledAt !== null) return null;
  // Two passwords may be of two people, and the mail is read by one of them: neither is good, or whoever guessed that
  // somebody signs up could have a password in the account that the other one confirms. The link signs in without.
  const changes =
    waitingHash !== null && waitingHash === known.passwordHash ? { userMetadata } : { passwordHash: null };
  await updateUser(trx, known.id, changes, data.clock.now());
  return known.id;
};

const signUpByMail = (deps: Deps, input: Checked): Promise<SignedUp> =>
  transact(deps.data, async (tools) => {
    const { email, challenge } = input;
    const made = await createUser(tools, deps, { ...input, isConfirmed: false });
    const known = made ? null : await findUserByEmail(tools.trx, email);
    const userId = made?.id ?? (known && (await recipientOf(tools, deps, known, input)));
    await queueTokenMail(tools, deps, {
      purpose: 'signup',
      userId,
      email,
      challenge,
      redirectTo: redirectOrHome(deps.config, input.redirectTo),
    });
    if (!made) return inventUser(deps, input);
    const identities = await findIdentities(tools.trx, made.id);
    return { user: made, identities, mailedAt: deps.data.clock.now() };
  });

/**
 * Makes a user: signed in at once, or, where addresses must be confirmed, told to look for a mail, whoever has the address.
 *
 * @throws SIGNUP_DISABLED, INVALID_INPUT, WEAK_PASSWORD, USER_ALREADY_EXISTS
 */
export const signUp = async (deps: Deps, { password, ...input }: SignUpInput): Promise<SignedUp> => {
  const { signupEnabled, requireEmailConfirmation } = deps.config.identity;
  if (!signupEnabled) throw new AppError('SIGNUP_DISABLED');
  const email = requireEmail(input.email);
  assertGoodPassword(password);
  const waitingHash = requireEmailConfirmation ? await findSamePassword(deps, email, password) : null;
  const checked = { ...input, email, waitingHash, passwordHash: await deps.hashing.hash(password) };
  return requireEmailConfirmation ? signUpByMail(deps, checked) : signUpAtOnce(deps, checked);
};
