import type { Environment, Permissions } from '@switchboard/contracts';
import { patternOf } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../database.ts';

/** A partner key without its hashes: what may be shown of it. */
export interface KeyRecord {
  readonly id: string;
  readonly partnerId: string;
  readonly partnerName: string;
  readonly environment: Environment;
  readonly companyId: string | null;
  readonly keyPrefix: string;
  readonly permissions: Permissions;
  readonly allowedIps: readonly string[];
  readonly rateLimitPerMinute: number;
  readonly isActive: boolean;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly previousSecretExpiresAt: Date | null;
  readonly previousSecretLastUsedAt: Date | null;
  readonly webhookSecretVersion: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

// As JSON: it has addresses as people write them, where a cast to text adds /32 to each.
const COLUMNS = sql`
  id, partner_id AS "partnerId", partner_name AS "partnerName", environment, company_id AS "companyId",
  key_prefix AS "keyPrefix", permissions, to_json(allowed_ips) AS "allowedIps",
  rate_limit_per_minute AS "rateLimitPerMinute", is_active AS "isActive", expires_at AS "expiresAt",
  revoked_at AS "revokedAt", last_used_at AS "lastUsedAt", previous_secret_expires_at AS "previousSecretExpiresAt",
  previous_secret_last_used_at AS "previousSecretLastUsedAt", webhook_secret_version AS "webhookSecretVersion",
  created_by AS "createdBy", created_at AS "createdAt", updated_at AS "updatedAt"`;

const only = (rows: readonly KeyRecord[]): KeyRecord => {
  const [row] = rows;
  if (!row) throw new Error('a partner key that was locked is gone');
  return row;
};

export const findKeyById = async (executor: Executor, keyId: string): Promise<KeyRecord | null> => {
  const found = await sql<KeyRecord>`
    SELECT ${COLUMNS} FROM partner.partner_api_keys WHERE id = ${keyId}`.execute(executor);
  return found.rows[0] ?? null;
};

/** Takes a key for changing it; others who want to wait until the transaction ends. */
export const lockKey = async (executor: Executor, keyId: string): Promise<KeyRecord | null> => {
  const found = await sql<KeyRecord>`
    SELECT ${COLUMNS} FROM partner.partner_api_keys WHERE id = ${keyId} FOR UPDATE`.execute(executor);
  return found.rows[0] ?? null;
};

/** Takes the keys that a hash is the key or a secret of; one that its overlap ended is nobody's any more. */
export const lockKeysByHash = async (
  executor: Executor,
  leaked: { readonly kind: 'partner_key' | 'partner_secret'; readonly hash: string },
  now: Date,
): Promise<readonly KeyRecord[]> => {
  const matches =
    leaked.kind === 'partner_key'
      ? sql`api_key_hash = ${leaked.hash}`
      : sql`(api_secret_hash = ${leaked.hash}
          OR (previous_secret_hash = ${leaked.hash} AND previous_secret_expires_at > ${now}))`;
  const found = await sql<KeyRecord>`
    SELECT ${COLUMNS} FROM partner.partner_api_keys WHERE ${matches} ORDER BY id FOR UPDATE`.execute(
    executor,
  );
  return found.rows;
};

export interface KeyFilter {
  readonly search: string | null;
  readonly environment: Environment | null;
  /** true: good at `now`; false: not. */
  readonly active: boolean | null;
  readonly now: Date;
}

const conditionsOf = ({ search, environment, active, now }: KeyFilter): RawBuilder<unknown> => {
  const isGood = sql`(is_active AND (expires_at IS NULL OR expires_at > ${now}))`;
  return sql`
    ${environment === null ? sql`true` : sql`environment = ${environment}`}
    AND ${search === null ? sql`true` : sql`partner_name ILIKE ${patternOf(search)}`}
    AND ${active === null ? sql`true` : active ? isGood : sql`NOT ${isGood}`}`;
};

/**
 * Keys newest first, one more than `limit` when there are more. A filter looks at keys in that order until the page is
 * full: people make keys one by one, so there are never many.
 */
export const listKeys = async (
  executor: Executor,
  filter: KeyFilter,
  page: { readonly limit: number; readonly after: Position | null },
): Promise<readonly KeyRecord[]> => {
  const { after } = page;
  const found = await sql<KeyRecord>`
    SELECT ${COLUMNS} FROM partner.partner_api_keys
    WHERE ${conditionsOf(filter)}
      AND ${after ? sql`(created_at, id) < (${after.createdAt}, ${after.id})` : sql`true`}
    ORDER BY created_at DESC, id DESC
    LIMIT ${page.limit + 1}`.execute(executor);
  return found.rows;
};

export interface NewKey {
  readonly id: string;
  readonly partnerName: string;
  readonly environment: Environment;
  readonly companyId: string | null;
  readonly keyHash: string;
  readonly secretHash: string;
  readonly keyPrefix: string;
  readonly permissions: Permissions;
  readonly allowedIps: readonly string[];
  readonly rateLimitPerMinute: number;
  readonly expiresAt: Date | null;
  readonly createdBy: string;
  readonly at: Date;
}

/** Keeps a key, and its partner if there is none of that name: as `generate_partner_api_key` does in SQL. */
export const insertKey = async (executor: Executor, key: NewKey): Promise<KeyRecord> => {
  await sql`INSERT INTO partner.partners (name) VALUES (${key.partnerName}) ON CONFLICT (name) DO NOTHING`.execute(
    executor,
  );
  const inserted = await sql<KeyRecord>`
    INSERT INTO partner.partner_api_keys (id, partner_id, partner_name, api_key_hash, api_secret_hash, key_prefix,
      environment, company_id, permissions, allowed_ips, rate_limit_per_minute, expires_at, created_by, created_at,
      updated_at)
    SELECT ${key.id}, p.id, p.name, ${key.keyHash}, ${key.secretHash}, ${key.keyPrefix}, ${key.environment},
      ${key.companyId}, ${JSON.stringify(key.permissions)}, ${key.allowedIps}::inet[], ${key.rateLimitPerMinute}::integer,
      ${key.expiresAt}, ${key.createdBy}, ${key.at}, ${key.at}
    FROM partner.partners p WHERE p.name = ${key.partnerName}
    RETURNING ${COLUMNS}`.execute(executor);
  return only(inserted.rows);
};

/** Writes what an administrator may change. The gateways hear of it from a trigger. */
export const writeKey = async (
  executor: Executor,
  key: Pick<KeyRecord, 'id' | 'rateLimitPerMinute' | 'allowedIps' | 'expiresAt' | 'isActive' | 'permissions'>,
): Promise<KeyRecord> => {
  const updated = await sql<KeyRecord>`
    UPDATE partner.partner_api_keys
    SET rate_limit_per_minute = ${key.rateLimitPerMinute}, allowed_ips = ${key.allowedIps}::inet[],
      expires_at = ${key.expiresAt}, is_active = ${key.isActive}, permissions = ${JSON.stringify(key.permissions)}
    WHERE id = ${key.id}
    RETURNING ${COLUMNS}`.execute(executor);
  return only(updated.rows);
};

/** Puts a new secret in the place of the present one, which stays good until `oldUntil`; null: it ends now. */
export const replaceSecret = async (
  executor: Executor,
  change: {
    readonly keyId: string;
    readonly secretHash: string;
    readonly oldUntil: Date | null;
    readonly webhookSecretVersion: number;
  },
): Promise<KeyRecord> => {
  const oldHash = change.oldUntil === null ? sql`NULL` : sql`api_secret_hash`;
  const updated = await sql<KeyRecord>`
    UPDATE partner.partner_api_keys
    SET api_secret_hash = ${change.secretHash}, previous_secret_hash = ${oldHash},
      previous_secret_expires_at = ${change.oldUntil}, webhook_secret_version = ${change.webhookSecretVersion}
    WHERE id = ${change.keyId}
    RETURNING ${COLUMNS}`.execute(executor);
  return only(updated.rows);
};

export const markRevoked = async (executor: Executor, keyId: string, at: Date): Promise<KeyRecord> => {
  const updated = await sql<KeyRecord>`
    UPDATE partner.partner_api_keys SET is_active = false, revoked_at = ${at} WHERE id = ${keyId}
    RETURNING ${COLUMNS}`.execute(executor);
  return only(updated.rows);
};

/** How exact the last use of an old secret is: a caller who never changes must not write a row per request. */
const OLD_SECRET_STEP_SECONDS = 60;

/** Notes that somebody came with the old secret; at most once a minute, and not after it was replaced meanwhile. */
export const touchOldSecret = async (
  executor: Executor,
  use: { readonly keyId: string; readonly secretHash: string; readonly at: Date },
): Promise<void> => {
  await sql`
    UPDATE partner.partner_api_keys SET previous_secret_last_used_at = ${use.at}
    WHERE id = ${use.keyId} AND previous_secret_hash = ${use.secretHash}
      AND (previous_secret_last_used_at IS NULL
        OR previous_secret_last_used_at <= ${use.at}::timestamptz - make_interval(secs => ${OLD_SECRET_STEP_SECONDS}))
  `.execute(executor);
};
