import type { apiKeyAnswer as apiKeyAnswerSchema } from '@switchboard/contracts';
import type { z } from 'zod';
import type { ApiKey } from './api-key-repository.ts';

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

/** A key as answers show it. */
export const apiKeyAnswer = (key: ApiKey): z.input<typeof apiKeyAnswerSchema> => ({
  id: key.id,
  name: key.name,
  account_id: key.accountId,
  account: key.account,
  key_prefix: key.keyPrefix,
  source: key.source,
  allowed_ips: [...key.allowedIps],
  rate_limit_per_minute: key.rateLimitPerMinute,
  is_active: key.isActive,
  revoked_at: iso(key.revokedAt),
  expires_at: iso(key.expiresAt),
  last_used_at: iso(key.lastUsedAt),
  previous_secret_expires_at: iso(key.oldSecretValidUntil),
  previous_secret_last_used_at: iso(key.oldSecretLastUsedAt),
  created_by: key.createdBy,
  created_at: key.createdAt.toISOString(),
  updated_at: key.updatedAt.toISOString(),
});

/** What of a key the audit log compares: what somebody decided about it. */
export const auditedApiKey = (key: ApiKey) => ({
  name: key.name,
  account: key.account,
  allowed_ips: [...key.allowedIps],
  rate_limit_per_minute: key.rateLimitPerMinute,
  is_active: key.isActive,
  expires_at: iso(key.expiresAt),
});
