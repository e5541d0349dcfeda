import type { AnswerOf, partnerAdminRoutes } from '@switchboard/contracts';
import type { KeyRecord } from './key-repository.ts';

type KeyAnswer = AnswerOf<typeof partnerAdminRoutes.getKey>['body'];

const toText = (time: Date | null): string | null => time?.toISOString() ?? null;

const statusOf = (key: KeyRecord, now: Date): KeyAnswer['status'] => {
  if (key.revokedAt !== null) return 'revoked';
  if (!key.isActive) return 'inactive';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'active';
};

/** A key as administrators see it. */
export const toKeyAnswer = (key: KeyRecord, now: Date): KeyAnswer => ({
  id: key.id,
  partner_id: key.partnerId,
  partner_name: key.partnerName,
  environment: key.environment,
  company_id: key.companyId,
  key_prefix: key.keyPrefix,
  permissions: key.permissions,
  allowed_ips: [...key.allowedIps],
  rate_limit_per_minute: key.rateLimitPerMinute,
  status: statusOf(key, now),
  is_active: key.isActive,
  expires_at: toText(key.expiresAt),
  revoked_at: toText(key.revokedAt),
  last_used_at: toText(key.lastUsedAt),
  previous_secret_expires_at: toText(key.previousSecretExpiresAt),
  previous_secret_last_used_at: toText(key.previousSecretLastUsedAt),
  webhook_secret_version: key.webhookSecretVersion,
  created_by: key.createdBy,
  created_at: key.createdAt.toISOString(),
  updated_at: key.updatedAt.toISOString(),
});
