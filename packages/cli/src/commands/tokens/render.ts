import type { ticketAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { renderFields, renderMinute, renderOldSecret } from '../../table.ts';

type Token = CallAnswer<typeof ticketAdminRoutes.getToken>;

export const renderToken = (token: Token): string =>
  renderFields([
    ['token id', token.id],
    ['name', token.name],
    ['description', token.description ?? ''],
    ['status', token.status],
    ['token', `${token.token_prefix}…`],
    ['owner', token.owner_user_id ?? 'nobody'],
    ['endpoints', token.allowed_endpoints.join(', ')],
    ['allowed from', token.allowed_ips.join(', ') || 'anywhere'],
    ['an hour', String(token.rate_limit_per_hour)],
    ['expires', renderMinute(token.expires_at, 'never')],
    ['last used', renderMinute(token.last_used_at, 'never')],
    ['old token', renderOldSecret(token.previous_token_expires_at, token.previous_token_last_used_at)],
    ['requests', `${token.stats.total_requests}, ${token.stats.error_count} of them errors`],
    ['made', renderMinute(token.created_at, '')],
  ]);
