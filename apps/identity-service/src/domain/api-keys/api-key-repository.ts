import { patternOf } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/**
 * TERMINOLOGY — *account*: whose calls a key sees; keys of one account share them. *Old secret*: the one before the last
 * rotation, good until its overlap ends.
 */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly accountId: string;
  readonly account: string;
  readonly keyPrefix: string;
  readonly source: 'admin' | 'environment';
  readonly allowedIps: readonly string[];
  readonly rateLimitPerMinute: number;
  readonly isActive: boolean;
  readonly revokedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly oldSecretValidUntil: Date | null;
  readonly oldSecretLastUsedAt: Date | null;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

// As JSON: it has addresses as people write them, where a cast to text adds /32 to each.
const COLUMNS = sql`
  k.id, k.name, k.account_id AS "accountId", a.name AS account, k.key_prefix AS "keyPrefix", k.source,
  to_json(k.allowed_ips) AS "allowedIps",
  k.rate_limit_per_minute AS "rateLimitPerMinute", k.is_active AS "isActive", k.revoked_at AS "revokedAt",
  k.expires_at AS "expiresAt", k.last_used_at AS "lastUsedAt",
  k.previous_secret_expires_at AS "oldSecretValidUntil", k.previous_secret_last_used_at AS "oldSecretLastUsedAt",
  k.created_by AS "createdBy", k.created_at AS "createdAt", k.updated_at AS "updatedAt"`;

const FROM = sql`identity.api_keys k JOIN identity.accounts a ON a.id = k.account_id`;

export const findApiKey = async (executor: Executor, id: string): Promise<ApiKey | null> => {
  const found = await sql<ApiKey>`SELECT ${COLUMNS} FROM ${FROM} WHERE k.id = ${id}`.execute(executor);
  return found.rows[0] ?? null;
};

/** The key, which nobody else changes until the transaction ends. */
export const lockApiKey = async (executor: Executor, id: string): Promise<ApiKey | null> => {
  const found = await sql<ApiKey>`
    SELECT ${COLUMNS} FROM ${FROM} WHERE k.id = ${id} FOR UPDATE OF k`.execute(executor);
  return found.rows[0] ?? null;
};

/** Searches look at no more than this many of the newest keys. */
const SEARCH_KEYS_MAX = 10_000;

/** Keys newest first, one more than `limit` when there are more. */
export const listApiKeys = async (
  executor: Executor,
  filter: { readonly search: string | undefined; readonly active: boolean | undefined },
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly ApiKey[]> => {
  const { search, active } = filter;
  const { limit, after } = page;
  const hasState = active === undefined ? sql`true` : sql`is_active = ${active}`;
  const keys =
    search === undefined
      ? sql`(SELECT * FROM identity.api_keys WHERE ${hasState})`
      : sql`(SELECT * FROM identity.api_keys WHERE ${hasState}
          ORDER BY created_at DESC, id DESC LIMIT ${SEARCH_KEYS_MAX})`;
  const matches =
    search === undefined
      ? sql`true`
      : sql`(k.name ILIKE ${patternOf(search)} OR a.name ILIKE ${patternOf(search)})`;
  const found = await sql<ApiKey>`
    SELECT ${COLUMNS} FROM ${keys} AS k JOIN identity.accounts a ON a.id = k.account_id
    WHERE ${matches} AND ${after ? sql`(k.created_at, k.id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY k.created_at DESC, k.id DESC
    LIMIT ${limit + 1}
  `.execute(executor);
  return found.rows;
};

/** The account of that name, made when there is none. */
export const provideAccount = async (
  executor: Executor,
  account: { readonly id: string; readonly name: string; readonly at: Date },
): Promise<string> => {
  // Waits for whoever makes the same one this moment; the next statement sees it then.
  await sql`
    INSERT INTO identity.accounts (id, name, created_at) VALUES (${account.id}, ${account.name}, ${account.at})
    ON CONFLICT (name) DO NOTHING
  `.execute(executor);
  const found = await sql<{ id: string }>`
    SELECT id FROM identity.accounts WHERE name = ${account.name}`.execute(executor);
  const [row] = found.rows;
  if (!row) throw new Error('an account vanished while it was looked up');
  return row.id;
};

export const insertApiKey = async (
  executor: Executor,
  key: {
    readonly id: string;
    readonly name: string;
    readonly accountId: string;
    readonly keyHash: string;
    readonly secretHash: string;
    readonly keyPrefix: string;
    readonly source: ApiKey['source'];
    readonly allowedIps: readonly string[];
    readonly rateLimitPerMinute: number;
    readonly expiresAt: Date | null;
    readonly remindedDaysLeft: number | null;
    readonly createdBy: string | null;
    readonly at: Date;
  },
): Promise<void> => {
  await sql`
    INSERT INTO identity.api_keys (id, name, account_id, api_key_hash, api_secret_hash, key_prefix, source, allowed_ips,
      rate_limit_per_minute, expires_at, reminded_days_left, created_by, created_at, updated_at)
    VALUES (${key.id}, ${key.name}, ${key.accountId}, ${key.keyHash}, ${key.secretHash}, ${key.keyPrefix},
      ${key.source}, ${[...key.allowedIps]}::text[]::inet[], ${key.rateLimitPerMinute}, ${key.expiresAt},
      ${key.remindedDaysLeft}, ${key.createdBy}, ${key.at}, ${key.at})
  `.execute(executor);
};

/** Writes what may be changed of a key. The whole of it: the caller holds the row's lock. */
export const writeApiKey = async (
  executor: Executor,
  key: Pick<ApiKey, 'id' | 'name' | 'allowedIps' | 'rateLimitPerMinute' | 'isActive' | 'expiresAt'>,
  at: Date,
): Promise<void> => {
  await sql`
    UPDATE identity.api_keys SET name = ${key.name}, allowed_ips = ${[...key.allowedIps]}::text[]::inet[],
      rate_limit_per_minute = ${key.rateLimitPerMinute}, is_active = ${key.isActive}, expires_at = ${key.expiresAt},
      updated_at = ${at}
    WHERE id = ${key.id}
  `.execute(executor);
};

export const writeReminder = async (
  executor: Executor,
  id: string,
  daysLeft: number | null,
): Promise<void> => {
  await sql`UPDATE identity.api_keys SET reminded_days_left = ${daysLeft} WHERE id = ${id}`.execute(executor);
};

/** Replaces the secret. The one before stays good until `oldSecretValidUntil`; null: it ends now. */
export const replaceSecret = async (
  executor: Executor,
  key: { readonly id: string; readonly secretHash: string; readonly oldSecretValidUntil: Date | null },
  at: Date,
): Promise<void> => {
  const { id, secretHash, oldSecretValidUntil } = key;
  await sql`
    UPDATE identity.api_keys SET
      previous_secret_hash = CASE WHEN ${oldSecretValidUntil}::timestamptz IS NULL THEN NULL ELSE api_secret_hash END,
      previous_secret_expires_at = ${oldSecretValidUntil}, previous_secret_last_used_at = NULL,
      api_secret_hash = ${secretHash}, updated_at = ${at}
    WHERE id = ${id}
  `.execute(executor);
};

export const markRevoked = async (executor: Executor, id: string, at: Date): Promise<void> => {
  await sql`
    UPDATE identity.api_keys SET is_active = false, revoked_at = ${at}, updated_at = ${at} WHERE id = ${id}
  `.execute(executor);
};
