import type { Clock, Environment, PartnerPrincipal, Permissions, partnerRpcs } from '@switchboard/contracts';
import { earliest, isSameHash } from '@switchboard/service-kit';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Executor } from '../database.ts';

type Verdict = z.input<typeof partnerRpcs.verifyKey.reply>;
type Refusal = Extract<Verdict, { ok: false }>['reason'];

interface KeyRow {
  readonly id: string;
  readonly partnerId: string;
  readonly partnerName: string;
  readonly environment: Environment;
  readonly companyId: string | null;
  readonly permissions: Permissions;
  readonly allowedIps: readonly string[];
  readonly rateLimitPerMinute: number;
  readonly secretHash: string;
  readonly previousSecretHash: string | null;
  readonly previousSecretExpiresAt: Date | null;
  readonly isActive: boolean;
  readonly expiresAt: Date | null;
}

const findKey = async (executor: Executor, keyHash: string): Promise<KeyRow | null> => {
  // As text: what the driver makes of inet[] is not what a list of addresses and networks should be.
  const found = await sql<KeyRow>`
    SELECT id, partner_id AS "partnerId", partner_name AS "partnerName", environment, company_id AS "companyId",
      permissions, allowed_ips::text[] AS "allowedIps", rate_limit_per_minute AS "rateLimitPerMinute",
      api_secret_hash AS "secretHash", previous_secret_hash AS "previousSecretHash",
      previous_secret_expires_at AS "previousSecretExpiresAt", is_active AS "isActive", expires_at AS "expiresAt"
    FROM partner.partner_api_keys WHERE api_key_hash = ${keyHash}
  `.execute(executor);
  return found.rows[0] ?? null;
};

const principalOf = (key: KeyRow): PartnerPrincipal => ({
  kind: 'partner_key',
  key_id: key.id,
  partner_id: key.partnerId,
  partner_name: key.partnerName,
  environment: key.environment,
  company_id: key.companyId,
  permissions: key.permissions,
});

/**
 * Says whether a pair is good, and whose it is. Takes hashes only. A rotated secret is good until its overlap ends; the
 * reason of a refusal is for logs.
 */
export const verifyKey = async (
  executor: Executor,
  input: { readonly key_hash: string; readonly secret_hash: string },
  deps: {
    readonly clock: Clock;
    readonly enabled: boolean;
    /** Told of a good old secret, and not waited for. */
    readonly onOldSecret?: (use: { keyId: string; secretHash: string; at: Date }) => void;
  },
): Promise<Verdict> => {
  const refuse = (reason: Refusal, key: KeyRow | null): Verdict => ({
    ok: false,
    reason,
    key_id: key?.id ?? null,
  });
  if (!deps.enabled) return refuse('surface_disabled', null);
  const now = deps.clock.now();
  const key = await findKey(executor, input.key_hash);
  if (!key) return refuse('unknown_key', null);

  const isCurrent = isSameHash(key.secretHash, input.secret_hash);
  const isPrevious =
    !isCurrent &&
    key.previousSecretHash !== null &&
    key.previousSecretExpiresAt !== null &&
    key.previousSecretExpiresAt > now &&
    isSameHash(key.previousSecretHash, input.secret_hash);
  if (!isCurrent && !isPrevious) return refuse('wrong_secret', key);
  if (!key.isActive) return refuse('disabled', key);
  if (key.expiresAt !== null && key.expiresAt <= now) return refuse('expired', key);

  if (isPrevious) deps.onOldSecret?.({ keyId: key.id, secretHash: input.secret_hash, at: now });
  const validUntil = earliest(key.expiresAt, isPrevious ? key.previousSecretExpiresAt : null);
  return {
    ok: true,
    principal: principalOf(key),
    allowed_ips: [...key.allowedIps],
    rate_limit_per_minute: key.rateLimitPerMinute,
    valid_until: validUntil?.toISOString() ?? null,
  };
};
