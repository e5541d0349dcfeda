import { AppError } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { lockUser, updateUser } from '../users/user-repository.ts';
import { type IssuedSession, issueSession } from './issue-session.ts';
import { insertSession } from './session-repository.ts';

export type { IssuedSession } from './issue-session.ts';

export interface NewSession {
  readonly userId: string;
  /** How it signed in, as `amr` names it. */
  readonly method: 'password' | 'oauth' | 'otp' | 'recovery' | 'device';
  /** Who holds it, where that is known: the client that a device code was approved for. */
  readonly clientName: string | null;
  readonly caller: Caller;
}

/**
 * Begins a session. With the user locked, so that whoever is disabled at this moment gets none.
 *
 * @throws INVALID_CREDENTIALS when the user is gone or disabled
 */
export const startSession = async (
  deps: Deps,
  { trx }: Tools<'identity'>,
  { userId, method, clientName, caller }: NewSession,
): Promise<IssuedSession> => {
  const { data } = deps;
  const at = data.clock.now();
  const locked = await lockUser(trx, userId);
  if (!locked || locked.disabledAt !== null) throw new AppError('INVALID_CREDENTIALS');
  const user = (await updateUser(trx, userId, { lastSignInAt: at }, at)) ?? locked;
  const session = await insertSession(trx, {
    id: data.ids.next(),
    userId,
    amr: [{ method, timestamp: Math.floor(at.getTime() / 1000) }],
    clientName,
    userAgent: caller.userAgent,
    ip: caller.ip,
    createdAt: at,
  });
  return issueSession(deps, trx, session, user);
};
