import { AppError, identityEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { AdminContext } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { type UserRecord, updateUser } from '../users/user-repository.ts';
import { beginActUponUsers, requireTarget } from './rules.ts';
import { emitUserAct } from './user-act.ts';

/**
 * Lets a disabled user sign in again; sessions that ended stay so.
 *
 * @throws USER_NOT_FOUND, INSUFFICIENT_ROLE
 */
export const enableUser = (deps: Deps, admin: AdminContext, id: string): Promise<UserRecord> =>
  transact(deps.data, async ({ trx, emit }) => {
    const actor = await beginActUponUsers(trx, admin.principal);
    const before = await requireTarget(trx, id, actor);
    if (!before.disabledAt) return before;
    const after = await updateUser(trx, id, { disabledAt: null }, deps.data.clock.now());
    if (!after) throw new AppError('USER_NOT_FOUND');
    emit(identityEvents.userChanged, { user_id: id, change: 'enabled' });
    emitUserAct(emit, admin, 'user.enable', after, {
      before: { disabled_at: before.disabledAt.toISOString() },
      after: { disabled_at: null },
    });
    return after;
  });
