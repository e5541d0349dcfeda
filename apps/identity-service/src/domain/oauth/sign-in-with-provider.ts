import { identityEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { createUser } from '../users/create-user.ts';
import { normalizeEmail } from '../users/email.ts';
import { evictStrangers, isAddressProven } from '../users/unproven-address.ts';
import {
  findIdentity,
  findUserByEmail,
  lockUser,
  putIdentity,
  type UserRecord,
  updateUser,
} from '../users/user-repository.ts';
import { OAuthFailure } from './failure.ts';
import type { Provider, ProviderProfile } from './providers.ts';

interface SignIn {
  readonly provider: Provider['name'];
  readonly profile: ProviderProfile;
  readonly email: string | null;
}

/** What the provider says is laid over what is there, as Supabase does it. */
const metadataOf = (user: UserRecord | null, { data }: ProviderProfile): Record<string, unknown> => ({
  ...user?.userMetadata,
  ...data,
});

const takeNote = async (
  { trx }: Tools<'identity'>,
  { data }: Pick<Deps, 'data'>,
  userId: string,
  { provider, profile }: SignIn,
): Promise<void> => {
  const at = data.clock.now();
  await putIdentity(trx, {
    id: data.ids.next(),
    userId,
    provider,
    providerId: profile.id,
    identityData: profile.data,
    signedInAt: at,
    at,
  });
};

const link = async (
  tools: Tools<'identity'>,
  deps: Pick<Deps, 'data'>,
  userId: string,
  signIn: SignIn,
): Promise<UserRecord | null> => {
  const user = await lockUser(tools.trx, userId);
  if (!user) return null;
  const at = deps.data.clock.now();
  const isProven = await isAddressProven(tools, user);
  if (!isProven) await evictStrangers(tools, deps, user);
  await takeNote(tools, deps, userId, signIn);
  const changes = {
    emailConfirmedAt: user.emailConfirmedAt ?? at,
    userMetadata: metadataOf(isProven ? user : null, signIn.profile),
  };
  tools.emit(identityEvents.userChanged, { user_id: userId, change: 'updated' });
  return updateUser(tools.trx, userId, changes, at);
};

const make = async (
  tools: Tools<'identity'>,
  deps: Pick<Deps, 'config' | 'data'>,
  { provider, profile, email }: SignIn,
): Promise<UserRecord | null> => {
  if (!deps.config.identity.signupEnabled) {
    throw new OAuthFailure('access_denied', 'signup_disabled', 'Signups not allowed for this instance');
  }
  return createUser(tools, deps, {
    email,
    isConfirmed: email !== null,
    passwordHash: null,
    userMetadata: profile.data,
    identity: { provider, providerId: profile.id, identityData: profile.data },
  });
};

/**
 * The user whom somebody signed in at a provider is here: the one that is linked with them, else the one that has the
 * address which the provider VERIFIED, else a new one. An address that is not verified is nobody's: it neither links nor
 * is stored as the user's own, or it would keep out whoever it belongs to.
 *
 * @throws OAuthFailure for a user that is disabled, and where nobody may sign up
 */
export const signInWithProvider = async (
  tools: Tools<'identity'>,
  deps: Pick<Deps, 'config' | 'data'>,
  provider: Provider['name'],
  profile: ProviderProfile,
): Promise<UserRecord> => {
  const { trx } = tools;
  const email = profile.verifiedEmail === null ? null : normalizeEmail(profile.verifiedEmail);
  const signIn: SignIn = { provider, profile, email };
  // Two first sign-ins of one person at once make one user.
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`${provider} ${profile.id}`}, 0))`.execute(trx);
  const known = await findIdentity(trx, { provider, providerId: profile.id });
  const byEmail = known || email === null ? null : await findUserByEmail(trx, email);
  let user: UserRecord | null;
  if (known) {
    const found = await lockUser(trx, known.userId);
    await takeNote(tools, deps, known.userId, signIn);
    const changes = { userMetadata: metadataOf(found, profile) };
    user = await updateUser(trx, known.userId, changes, deps.data.clock.now());
  } else if (byEmail) {
    user = byEmail.disabledAt === null ? await link(tools, deps, byEmail.id, signIn) : byEmail;
  } else {
    user = await make(tools, deps, signIn);
  }
  // Somebody signed up with that address at this very moment.
  if (!user) throw new OAuthFailure('server_error', 'conflict', 'Please sign in once more');
  if (user.disabledAt !== null) throw new OAuthFailure('access_denied', 'user_banned', 'User is banned');
  return user;
};
