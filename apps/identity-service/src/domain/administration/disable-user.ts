import { AppError, identityEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { AdminContext } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { type UserRecord, updateUser } from '../users/user-repository.ts';
import { beginActUponUsers, requireAnotherSuperAdmin, requireTarget } from './rules.ts';
import { emitUserAct } from './user-act.ts';

/**
 * Shuts a user out: every session ends, and no new one begins. One that is disabled already stays so.
 *
 * @throws USER_NOT_FOUND, FORBIDDEN, INSUFFICIENT_ROLE, LAST_SUPER_ADMIN
 */
export const disableUser = (deps: Deps, admin: AdminContext, id: string): Promise<UserRecord> =>
  transact(deps.data, async (tools) => {
    const { trx, emit } = tools;
    const actor = await beginActUponUsers(trx, admin.principal);
    const before = await requireTarget(trx, id, actor);
    if (before.id === admin.principal.user_id) {
      throw new AppError('FORBIDDEN', { message: 'Nobody disables themselves' });
    }
    await requireAnotherSuperAdmin(trx, before);
    if (before.disabledAt) return before;
    const at = deps.data.clock.now();
    const sessionsEnded = await endSessions(tools, deps, {
      userId: id,
      sessionId: 'all',
      reason: 'disabled',
    });
    const after = await updateUser(trx, id, { disabledAt: at }, at);
    if (!after) throw new AppError('USER_NOT_FOUND');
    emit(identityEvents.userChanged, { user_id: id, change: 'disabled' });
    emitUserAct(emit, admin, 'user.disable', after, {
      before: { disabled_at: null },
      after: { disabled_at: at.toISOString(), sessions_ended: sessionsEnded },
    });
    return after;
  });
