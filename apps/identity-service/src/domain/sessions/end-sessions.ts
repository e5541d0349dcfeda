import { type DataOf, identityEvents } from '@switchboard/contracts';
import type { Tools } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { updateUser } from '../users/user-repository.ts';
import { closeSessions, dropPendingSignIns } from './session-repository.ts';

export type EndReason = DataOf<typeof identityEvents.sessionEnded>['reason'];

export interface EndSessionsInput {
  readonly userId: string;
  /** One session, or all; all when left out. */
  readonly sessionId?: string | 'all';
  /** Of all, the one that stays. */
  readonly except?: string | null;
  readonly reason: EndReason;
}

/**
 * Ends sessions of a user: their refresh tokens at once, their access tokens as soon as gateways hear of it. All of them,
 * without an exception, also voids every access token that was issued before, external ones included. Gives how many were
 * open.
 */
export const endSessions = async (
  { trx, emit }: Tools<'identity'>,
  { data }: Pick<Deps, 'data'>,
  { userId, sessionId = 'all', except = null, reason }: EndSessionsInput,
): Promise<number> => {
  const at = data.clock.now();
  const isEveryone = sessionId === 'all' && except === null;
  const only = sessionId === 'all' ? null : sessionId;
  // The user first, as everywhere: two transactions that wait for each other would have to begin again.
  if (isEveryone) await updateUser(trx, userId, { tokensValidFrom: at }, at);
  const ended = await closeSessions(trx, { userId, only, except, reason, at });
  if (only === null) await dropPendingSignIns(trx, userId);
  if (isEveryone) {
    emit(identityEvents.sessionEnded, { user_id: userId, session_id: null, reason });
    return ended.length;
  }
  for (const id of ended) emit(identityEvents.sessionEnded, { user_id: userId, session_id: id, reason });
  return ended.length;
};
