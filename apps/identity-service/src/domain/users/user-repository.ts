import { AppError, type UserRole } from '@switchboard/contracts';
import { toJson } from '@switchboard/db';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/** TERMINOLOGY — *identity*: one way in which a user may sign in; a user has one or more. */
export interface UserRecord {
  readonly id: string;
  /** `external`: signs in at the Supabase project that is configured, and is known here by the sub of its tokens. */
  readonly origin: 'local' | 'external';
  readonly email: string | null;
  /** When it counts as confirmed. Whether a mail proved it says `email_verified` of the identity `email`. */
  readonly emailConfirmedAt: Date | null;
  readonly passwordHash: string | null;
  readonly role: UserRole;
  /** Of an external user: an administrator chose the role. */
  readonly roleIsSet: boolean;
  readonly businessId: string | null;
  readonly userMetadata: Readonly<Record<string, unknown>>;
  readonly tokensValidFrom: Date | null;
  readonly disabledAt: Date | null;
  readonly lastSignInAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type IdentityProvider = 'email' | 'google' | 'twitter';

export interface IdentityRecord {
  readonly id: string;
  readonly userId: string;
  readonly provider: IdentityProvider;
  /** Who it is there; of `email`, the user's own id. */
  readonly providerId: string;
  readonly identityData: Readonly<Record<string, unknown>>;
  readonly lastSignInAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Of a user, for queries elsewhere that give one. */
export const userColumns = sql`
  id, origin, email, email_confirmed_at AS "emailConfirmedAt", password_hash AS "passwordHash", role,
  role_is_set AS "roleIsSet", business_id AS "businessId", user_metadata AS "userMetadata",
  tokens_valid_from AS "tokensValidFrom", disabled_at AS "disabledAt", last_sign_in_at AS "lastSignInAt",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

export const findUserById = async (executor: Executor, id: string): Promise<UserRecord | null> => {
  const found = await sql<UserRecord>`SELECT ${userColumns} FROM identity.users WHERE id = ${id}`.execute(
    executor,
  );
  return found.rows[0] ?? null;
};

/** The same, and nobody else changes it before the transaction is over. */
export const lockUser = async (trx: Executor, id: string): Promise<UserRecord | null> => {
  const found = await sql<UserRecord>`
    SELECT ${userColumns} FROM identity.users WHERE id = ${id} FOR NO KEY UPDATE`.execute(trx);
  return found.rows[0] ?? null;
};

/** A local user by an address that `normalizeEmail` gave. */
export const findUserByEmail = async (executor: Executor, email: string): Promise<UserRecord | null> => {
  const found = await sql<UserRecord>`
    SELECT ${userColumns} FROM identity.users WHERE email = ${email} AND origin = 'local'`.execute(executor);
  return found.rows[0] ?? null;
};

export interface NewUser {
  readonly id: string;
  readonly origin: 'local' | 'external';
  readonly email: string | null;
  readonly emailConfirmedAt: Date | null;
  readonly passwordHash: string | null;
  readonly role: UserRole;
  readonly businessId: string | null;
  readonly userMetadata: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** Null when a local user with that address, or any user with that id, is there already. */
export const insertUser = async (trx: Executor, user: NewUser): Promise<UserRecord | null> => {
  const made = await sql<UserRecord>`
    INSERT INTO identity.users
      (id, origin, email, email_confirmed_at, password_hash, role, business_id, user_metadata, created_at, updated_at)
    VALUES (${user.id}, ${user.origin}, ${user.email}, ${user.emailConfirmedAt}, ${user.passwordHash}, ${user.role},
      ${user.businessId}, ${toJson(user.userMetadata)}, ${user.at}, ${user.at})
    ON CONFLICT DO NOTHING
    RETURNING ${userColumns}`.execute(trx);
  return made.rows[0] ?? null;
};

/** What may be changed of a user; what is left out stays as it is. */
export type UserChanges = Partial<
  Pick<
    UserRecord,
    | 'email'
    | 'emailConfirmedAt'
    | 'passwordHash'
    | 'role'
    | 'roleIsSet'
    | 'businessId'
    | 'userMetadata'
    | 'tokensValidFrom'
    | 'disabledAt'
    | 'lastSignInAt'
  >
>;

const columnOf = {
  email: 'email',
  emailConfirmedAt: 'email_confirmed_at',
  passwordHash: 'password_hash',
  role: 'role',
  roleIsSet: 'role_is_set',
  businessId: 'business_id',
  userMetadata: 'user_metadata',
  tokensValidFrom: 'tokens_valid_from',
  disabledAt: 'disabled_at',
  lastSignInAt: 'last_sign_in_at',
} as const satisfies Record<keyof UserChanges, string>;

const isChangeable = (field: string): field is keyof UserChanges => Object.hasOwn(columnOf, field);

/** Between the look whether an address is free and its use, somebody else can take it: the database has the last word. */
const isTaken = (error: unknown): boolean =>
  error instanceof Error &&
  'constraint' in error &&
  error.constraint === 'users_email' &&
  'code' in error &&
  error.code === '23505';

/** The user as it is then; null when there is none. @throws EMAIL_EXISTS for the address of another local user */
export const updateUser = async (
  trx: Executor,
  id: string,
  changes: UserChanges,
  at: Date,
): Promise<UserRecord | null> => {
  const assignments = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => {
      if (!isChangeable(field)) throw new TypeError(`a user's ${field} is not changed here`);
      return sql`${sql.ref(columnOf[field])} = ${field === 'userMetadata' ? toJson(value) : value}`;
    });
  try {
    const made = await sql<UserRecord>`
      UPDATE identity.users SET ${sql.join([...assignments, sql`updated_at = ${at}`])} WHERE id = ${id}
      RETURNING ${userColumns}`.execute(trx);
    return made.rows[0] ?? null;
  } catch (error) {
    if (isTaken(error)) throw new AppError('EMAIL_EXISTS', { cause: error });
    throw error;
  }
};

const IDENTITY_COLUMNS = sql`
  id, user_id AS "userId", provider, provider_id AS "providerId", identity_data AS "identityData",
  last_sign_in_at AS "lastSignInAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** The ways in which a user may sign in, oldest first. */
export const findIdentities = async (
  executor: Executor,
  userId: string,
): Promise<readonly IdentityRecord[]> => {
  const found = await sql<IdentityRecord>`
    SELECT ${IDENTITY_COLUMNS} FROM identity.user_identities WHERE user_id = ${userId}
    ORDER BY created_at, id`.execute(executor);
  return found.rows;
};

export const findIdentity = async (
  executor: Executor,
  which: { readonly provider: IdentityProvider; readonly providerId: string },
): Promise<IdentityRecord | null> => {
  const found = await sql<IdentityRecord>`
    SELECT ${IDENTITY_COLUMNS} FROM identity.user_identities
    WHERE provider = ${which.provider} AND provider_id = ${which.providerId}`.execute(executor);
  return found.rows[0] ?? null;
};

/** Adds a way to sign in, or renews what is known of one that the same user has. */
export const putIdentity = async (
  trx: Executor,
  identity: {
    readonly id: string;
    readonly userId: string;
    readonly provider: IdentityProvider;
    readonly providerId: string;
    readonly identityData: Readonly<Record<string, unknown>>;
    readonly signedInAt: Date | null;
    readonly at: Date;
  },
): Promise<void> => {
  const { id, userId, provider, providerId, identityData, signedInAt, at } = identity;
  await sql`
    INSERT INTO identity.user_identities AS known
      (id, user_id, provider, provider_id, identity_data, last_sign_in_at, created_at, updated_at)
    VALUES (${id}, ${userId}, ${provider}, ${providerId}, ${toJson(identityData)}, ${signedInAt}, ${at}, ${at})
    ON CONFLICT (provider, provider_id) DO UPDATE
      SET identity_data = excluded.identity_data, updated_at = excluded.updated_at,
        last_sign_in_at = coalesce(excluded.last_sign_in_at, known.last_sign_in_at)
      WHERE known.user_id = excluded.user_id`.execute(trx);
};
