import type { identityAdminRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { renderFields, renderMinute } from '../../table.ts';

type User = CallAnswer<typeof identityAdminRoutes.updateUser>;

export const renderUser = (user: User): string =>
  renderFields([
    ['user id', user.id],
    ['e-mail', user.email ?? ''],
    ['name', user.name ?? ''],
    ['role', user.role],
    ['business', user.business_id ?? ''],
    ['signs in', user.origin === 'local' ? 'here' : 'at the Supabase project that is configured'],
    ['state', user.disabled_at === null ? 'enabled' : `disabled since ${renderMinute(user.disabled_at, '')}`],
    ['confirmed', renderMinute(user.email_confirmed_at, 'not yet')],
    ['last sign-in', renderMinute(user.last_sign_in_at, 'never')],
    ['made', renderMinute(user.created_at, '')],
  ]);
