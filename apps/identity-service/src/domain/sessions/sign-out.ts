import type { UserPrincipal } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { endSessions } from './end-sessions.ts';

export type SignOutScope = 'global' | 'local' | 'others';

/**
 * Signs out everywhere, here, or everywhere else. Of external users the sessions are not ours: their tokens of until now are
 * void, and none where only others are meant.
 */
export const signOut = async (deps: Deps, principal: UserPrincipal, scope: SignOutScope): Promise<void> => {
  const { user_id: userId, session_id: sessionId, origin } = principal;
  const reason = 'signed_out';
  await transact(deps.data, async (tools) => {
    if (origin === 'external') {
      if (scope !== 'others') await endSessions(tools, deps, { userId, reason });
    } else if (scope === 'global' || sessionId === null) await endSessions(tools, deps, { userId, reason });
    else if (scope === 'local') await endSessions(tools, deps, { userId, sessionId, reason });
    else await endSessions(tools, deps, { userId, except: sessionId, reason });
  });
};
