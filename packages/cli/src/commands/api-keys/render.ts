import type { identityAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { renderFields, renderMinute, renderOldSecret } from '../../table.ts';

type ApiKey = CallAnswer<typeof identityAdminRoutes.getApiKey>;

export const statusOf = (key: ApiKey, now: Date): string => {
  if (key.revoked_at !== null) return 'revoked';
  if (!key.is_active) return 'disabled';
  return key.expires_at !== null && new Date(key.expires_at) <= now ? 'expired' : 'active';
};

export const renderApiKey = (key: ApiKey, now: Date): string =>
  renderFields([
    ['key id', key.id],
    ['name', key.name],
    ['account', key.account],
    ['status', statusOf(key, now)],
    ['key', `${key.key_prefix}…`],
    ['allowed from', key.allowed_ips.join(', ') || 'anywhere'],
    ['a minute', String(key.rate_limit_per_minute)],
    ['expires', renderMinute(key.expires_at, 'never')],
    ['last used', renderMinute(key.last_used_at, 'never')],
    ['old secret', renderOldSecret(key.previous_secret_expires_at, key.previous_secret_last_used_at)],
    ['made', `${renderMinute(key.created_at, '')}${key.source === 'environment' ? ', from API_KEY' : ''}`],
  ]);
