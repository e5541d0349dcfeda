import type { partnerAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { renderFields, renderMinute, renderOldSecret } from '../../table.ts';

type PartnerKey = CallAnswer<typeof partnerAdminRoutes.getKey>;

export const renderPartnerKey = (key: PartnerKey): string =>
  renderFields([
    ['key id', key.id],
    ['partner', key.partner_name],
    ['environment', key.environment],
    ['status', key.status],
    ['key', `${key.key_prefix}…`],
    ['company', key.company_id ?? 'all'],
    ['permissions', Array.isArray(key.permissions) ? key.permissions.join(', ') : 'all'],
    ['allowed from', key.allowed_ips.join(', ') || 'anywhere'],
    ['a minute', String(key.rate_limit_per_minute)],
    ['expires', renderMinute(key.expires_at, 'never')],
    ['last used', renderMinute(key.last_used_at, 'never')],
    ['old secret', renderOldSecret(key.previous_secret_expires_at, key.previous_secret_last_used_at)],
    ['made', renderMinute(key.created_at, '')],
  ]);
