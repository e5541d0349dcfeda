import { AppError, identityEvents } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { type IssuedSession, type NewSession, startSession } from '../sessions/start-session.ts';
import { emailIdentityData } from '../users/create-user.ts';
import { evictStrangers, isAddressProven } from '../users/unproven-address.ts';
import {
  findUserByEmail,
  lockUser,
  putIdentity,
  type UserRecord,
  updateUser,
} from '../users/user-repository.ts';
import { issueAuthCode } from './auth-code.ts';
import {
  dropOneTimeTokens,
  type OneTimeToken,
  type Proof,
  type TokenPurpose,
  useOneTimeToken,
} from './one-time-token.ts';

/** The `type` of a link or of verifyOtp, and what may be meant by it. */
const purposesOf: Readonly<Record<string, readonly TokenPurpose[]>> = {
  signup: ['signup'],
  recovery: ['recovery'],
  email_change: ['email_change'],
  email: ['signup', 'email_change'],
};

export const isVerificationType = (type: string): boolean => Object.hasOwn(purposesOf, type);

const methodOf = (purpose: TokenPurpose): NewSession['method'] =>
  purpose === 'recovery' ? 'recovery' : 'otp';

/** The address counts as confirmed, and as proved. */
const confirm = async (
  { trx, emit }: Tools<'identity'>,
  { data }: Deps,
  user: UserRecord,
  email: string,
): Promise<void> => {
  const at = data.clock.now();
  const isNew = user.email !== email;
  if (isNew) await dropOneTimeTokens(trx, user.id);
  await updateUser(trx, user.id, { email, emailConfirmedAt: isNew ? at : (user.emailConfirmedAt ?? at) }, at);
  await putIdentity(trx, {
    id: data.ids.next(),
    userId: user.id,
    provider: 'email',
    providerId: user.id,
    identityData: emailIdentityData(user.id, email, true),
    signedInAt: at,
    at,
  });
  if (isNew) emit(identityEvents.userChanged, { user_id: user.id, change: 'updated' });
};

/** Null: the token is used up, and what it was for cannot be any more. */
const redeem = async (
  tools: Tools<'identity'>,
  deps: Deps,
  proof: Proof,
  type: string,
): Promise<OneTimeToken | 'EMAIL_EXISTS' | null> => {
  const token = await useOneTimeToken(tools.trx, deps, proof, purposesOf[type] ?? []);
  const user = token && (await lockUser(tools.trx, token.userId));
  if (!token || !user || user.disabledAt !== null) return null;
  if (token.purpose === 'email_change') {
    const other = await findUserByEmail(tools.trx, token.email);
    if (other && other.id !== user.id) return 'EMAIL_EXISTS';
  } else if (token.email !== user.email) return null;
  // Whoever comes back to an account that somebody else made under their address is alone in it from now on.
  if (token.purpose === 'recovery' && !(await isAddressProven(tools, user))) {
    await evictStrangers(tools, deps, user);
  }
  await confirm(tools, deps, user, token.email);
  return token;
};

interface VerifyInput {
  readonly proof: Proof;
  readonly type: string;
  readonly caller: Caller;
}

/**
 * Exchanges what a mail contained for a session.
 *
 * @throws OTP_EXPIRED for whatever is not good any more, or never was; EMAIL_EXISTS when somebody else has the new address
 */
export const verifyForSession = async (
  deps: Deps,
  { proof, type, caller }: VerifyInput,
): Promise<IssuedSession> => {
  const outcome = await transact(deps.data, async (tools) => {
    const token = await redeem(tools, deps, proof, type);
    if (token === null) return 'OTP_EXPIRED';
    if (typeof token === 'string') return token;
    const { userId, purpose } = token;
    return startSession(deps, tools, { userId, method: methodOf(purpose), clientName: null, caller });
  });
  if (outcome === 'OTP_EXPIRED') {
    throw new AppError('OTP_EXPIRED', { message: 'Token has expired or is invalid' });
  }
  if (typeof outcome === 'string') throw new AppError(outcome);
  return outcome;
};

/** What a link leads to: a session, or a code for a client that uses PKCE. */
export type LinkOutcome = { readonly session: IssuedSession } | { readonly code: string };

/** The same for the link in a mail. @throws OTP_EXPIRED, EMAIL_EXISTS */
export const followLink = async (deps: Deps, { proof, type, caller }: VerifyInput): Promise<LinkOutcome> => {
  const outcome = await transact(
    deps.data,
    async (tools): Promise<LinkOutcome | 'OTP_EXPIRED' | 'EMAIL_EXISTS'> => {
      const token = await redeem(tools, deps, proof, type);
      if (token === null) return 'OTP_EXPIRED';
      if (typeof token === 'string') return token;
      const { userId, purpose, challenge } = token;
      const method = methodOf(purpose);
      if (challenge) return { code: await issueAuthCode(tools, deps, { userId, method, ...challenge }) };
      return { session: await startSession(deps, tools, { userId, method, clientName: null, caller }) };
    },
  );
  if (typeof outcome === 'string') throw new AppError(outcome);
  return outcome;
};
