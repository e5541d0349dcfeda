import type { identityRpcs } from '@switchboard/contracts';
import { earliest, isSameHash } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Data, Executor } from '../database.ts';

type Verdict = z.input<typeof identityRpcs.verifyApiKey.reply>;
type Refusal = Extract<Verdict, { ok: false }>['reason'];

interface KeyRow {
  readonly id: string;
  readonly accountId: string;
  readonly allowedIps: readonly string[];
  readonly rateLimitPerMinute: number;
  readonly secretHash: string;
  readonly previousSecretHash: string | null;
  readonly previousSecretExpiresAt: Date | null;
  readonly previousSecretLastUsedAt: Date | null;
  readonly isActive: boolean;
  readonly revokedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** When a key was used is known to the minute. */
const STAMP_SECONDS = 60;

const findKey = async (executor: Executor, keyHash: string): Promise<KeyRow | null> => {
  // As text: what the driver makes of inet[] is not what a list of addresses and networks should be.
  const found = await sql<KeyRow>`
    SELECT id, account_id AS "accountId", allowed_ips::text[] AS "allowedIps",
      rate_limit_per_minute AS "rateLimitPerMinute", api_secret_hash AS "secretHash",
      previous_secret_hash AS "previousSecretHash", previous_secret_expires_at AS "previousSecretExpiresAt",
      previous_secret_last_used_at AS "previousSecretLastUsedAt", is_active AS "isActive", revoked_at AS "revokedAt",
      expires_at AS "expiresAt", last_used_at AS "lastUsedAt"
    FROM identity.api_keys WHERE api_key_hash = ${keyHash}
  `.execute(executor);
  return found.rows[0] ?? null;
};

interface Use {
  readonly id: string;
  /** The old secret, if it was that one. */
  readonly previousSecretHash: string | null;
  readonly now: Date;
  /** Later than this is fresh enough. */
  readonly staleAt: Date;
}

const stampUse = async (executor: Executor, use: Use): Promise<void> => {
  const { id, previousSecretHash, now, staleAt } = use;
  await sql`
    UPDATE identity.api_keys SET last_used_at = ${now}
    WHERE id = ${id} AND (last_used_at IS NULL OR last_used_at <= ${staleAt})
  `.execute(executor);
  if (previousSecretHash === null) return;
  // By its hash: after one more rotation another secret is the old one.
  await sql`
    UPDATE identity.api_keys SET previous_secret_last_used_at = ${now}
    WHERE id = ${id} AND previous_secret_hash = ${previousSecretHash}
      AND (previous_secret_last_used_at IS NULL OR previous_secret_last_used_at <= ${staleAt})
  `.execute(executor);
};

/**
 * Says whether a pair is good, and whose it is. Takes hashes only. A rotated secret is good until its overlap ends; the
 * reason of a refusal is for logs. That the pair was used is written down after the answer, at most once a minute.
 */
export const createApiKeyVerifier = (data: Data) => {
  // Of many questions about one key at once only one writes.
  const stamping = new Set<string>();

  const noteUse = (key: KeyRow, isPrevious: boolean, now: Date): void => {
    const staleAt = new Date(now.getTime() - STAMP_SECONDS * 1000);
    const isFresh = (time: Date | null) => time !== null && time > staleAt;
    if (isFresh(key.lastUsedAt) && (!isPrevious || isFresh(key.previousSecretLastUsedAt))) return;
    const name = `${key.id}:${isPrevious}`;
    if (stamping.has(name)) return;
    stamping.add(name);
    const previousSecretHash = isPrevious ? key.previousSecretHash : null;
    stampUse(data.db, { id: key.id, previousSecretHash, now, staleAt })
      .catch((error: unknown) =>
        data.log.warn({ err: error, keyId: key.id }, 'The use of an API key was not noted'),
      )
      .finally(() => stamping.delete(name));
  };

  return async (input: { readonly key_hash: string; readonly secret_hash: string }): Promise<Verdict> => {
    const refuse = (reason: Refusal, key: KeyRow | null): Verdict => ({
      ok: false,
      reason,
      key_id: key?.id ?? null,
    });
    const now = data.clock.now();
    const key = await findKey(data.db, input.key_hash);
    if (!key) return refuse('unknown_key', null);

    const isCurrent = isSameHash(key.secretHash, input.secret_hash);
    const isPrevious =
      !isCurrent &&
      key.previousSecretHash !== null &&
      key.previousSecretExpiresAt !== null &&
      key.previousSecretExpiresAt > now &&
      isSameHash(key.previousSecretHash, input.secret_hash);
    if (!isCurrent && !isPrevious) return refuse('wrong_secret', key);
    if (key.revokedAt) return refuse('revoked', key);
    if (!key.isActive) return refuse('disabled', key);
    if (key.expiresAt !== null && key.expiresAt <= now) return refuse('expired', key);

    noteUse(key, isPrevious, now);
    const validUntil = earliest(key.expiresAt, isPrevious ? key.previousSecretExpiresAt : null);
    return {
      ok: true,
      principal: { kind: 'api_key', key_id: key.id, account_id: key.accountId },
      allowed_ips: [...key.allowedIps],
      rate_limit_per_minute: key.rateLimitPerMinute,
      valid_until: validUntil?.toISOString() ?? null,
    };
  };
};
