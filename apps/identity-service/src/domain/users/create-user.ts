import { identityEvents, type UserRole } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { type IdentityProvider, insertUser, putIdentity, type UserRecord } from './user-repository.ts';

export interface CreateUserInput {
  /** As `normalizeEmail` gives it; null: the provider told none. */
  readonly email: string | null;
  /** It counts as confirmed from the start. */
  readonly isConfirmed: boolean;
  readonly passwordHash: string | null;
  readonly role?: UserRole;
  readonly businessId?: string | null;
  readonly userMetadata?: Readonly<Record<string, unknown>>;
  /** How it signs in; by e-mail and password when left out. */
  readonly identity?: {
    readonly provider: IdentityProvider;
    readonly providerId: string;
    readonly identityData: Readonly<Record<string, unknown>>;
  };
}

/** What is known of the identity `email`. `isVerified`: a mail that was sent there came back. */
export const emailIdentityData = (userId: string, email: string, isVerified: boolean) => ({
  sub: userId,
  email,
  email_verified: isVerified,
  phone_verified: false,
});

/** Makes a local user. Null when somebody has that address. */
export const createUser = async (
  { trx, emit }: Tools<'identity'>,
  { data }: Pick<Deps, 'data'>,
  input: CreateUserInput,
): Promise<UserRecord | null> => {
  const at = data.clock.now();
  const user = await insertUser(trx, {
    id: data.ids.next(),
    origin: 'local',
    email: input.email,
    emailConfirmedAt: input.isConfirmed ? at : null,
    passwordHash: input.passwordHash,
    role: input.role ?? 'user',
    businessId: input.businessId ?? null,
    userMetadata: input.userMetadata ?? {},
    at,
  });
  if (!user) return null;
  const identity = input.identity ?? {
    provider: 'email' as const,
    providerId: user.id,
    identityData: emailIdentityData(user.id, user.email ?? '', false),
  };
  await putIdentity(trx, { ...identity, id: data.ids.next(), userId: user.id, signedInAt: null, at });
  emit(identityEvents.userChanged, { user_id: user.id, change: 'created' });
  return user;
};
