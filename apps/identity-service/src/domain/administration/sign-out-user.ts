import { transact } from '@switchboard/db';
import type { AdminContext } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { endSessions } from '../sessions/end-sessions.ts';
import { beginActUponUsers, requireTarget } from './rules.ts';
import { emitUserAct } from './user-act.ts';

/**
 * Signs a user out everywhere, external tokens included. Gives how many sessions were open.
 *
 * @throws USER_NOT_FOUND, INSUFFICIENT_ROLE
 */
export const signOutUser = (deps: Deps, admin: AdminContext, id: string): Promise<number> =>
  transact(deps.data, async (tools) => {
    const actor = await beginActUponUsers(tools.trx, admin.principal);
    const user = await requireTarget(tools.trx, id, actor);
    const reason = 'signed_out_by_admin';
    const ended = await endSessions(tools, deps, { userId: id, sessionId: 'all', reason });
    emitUserAct(tools.emit, admin, 'user.sign_out', user, {
      before: { open_sessions: ended },
      after: { open_sessions: 0 },
    });
    return ended;
  });
