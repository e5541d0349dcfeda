import { AppError } from '@switchboard/contracts';
import { type Tools, transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { findUserById } from '../users/user-repository.ts';
import { endSessions } from './end-sessions.ts';
import { type IssuedSession, issueSession } from './issue-session.ts';
import { type RefreshTokenClaims, readRefreshToken } from './refresh-token.ts';
import { advanceSession, lockSession, type SessionRecord } from './session-repository.ts';

/** Two tabs that refresh at once, or one whose answer was lost: the second gets what the first got. */
const GRACE_MS = 10_000;

type Refusal = 'REFRESH_TOKEN_NOT_FOUND' | 'REFRESH_TOKEN_ALREADY_USED';

const isWithinGrace = (session: SessionRecord, presented: number, now: Date): boolean =>
  presented === session.refreshCounter - 1 &&
  session.refreshedAt !== null &&
  now.getTime() - session.refreshedAt.getTime() <= GRACE_MS;

const refresh = async (
  deps: Deps,
  tools: Tools<'identity'>,
  { sessionId, counter }: RefreshTokenClaims,
): Promise<IssuedSession | Refusal> => {
  const { trx } = tools;
  // Everything under the lock of the session, so that replicas refresh one after another.
  const session = await lockSession(trx, sessionId);
  if (!session || counter > session.refreshCounter) return 'REFRESH_TOKEN_NOT_FOUND';
  if (session.endedAt !== null) {
    return session.endReason === 'refresh_token_reused'
      ? 'REFRESH_TOKEN_ALREADY_USED'
      : 'REFRESH_TOKEN_NOT_FOUND';
  }
  const user = await findUserById(trx, session.userId);
  if (!user || user.disabledAt !== null) return 'REFRESH_TOKEN_NOT_FOUND';
  const now = deps.data.clock.now();
  if (counter === session.refreshCounter) {
    const next = counter + 1;
    await advanceSession(trx, sessionId, { counter: next, at: now });
    return issueSession(deps, trx, { ...session, refreshCounter: next }, user);
  }
  if (isWithinGrace(session, counter, now)) return issueSession(deps, trx, session, user);
  // Somebody else has a copy, and nobody can tell who is who: the whole family ends.
  await endSessions(tools, deps, { userId: user.id, sessionId, reason: 'refresh_token_reused' });
  return 'REFRESH_TOKEN_ALREADY_USED';
};

/**
 * Gives the next tokens of a session for its refresh token, which is good once (and ten seconds more).
 *
 * @throws REFRESH_TOKEN_NOT_FOUND, REFRESH_TOKEN_ALREADY_USED
 */
export const refreshSession = async (deps: Deps, refreshToken: string): Promise<IssuedSession> => {
  const claims = readRefreshToken(deps.secrets, refreshToken);
  if (!claims) throw new AppError('REFRESH_TOKEN_NOT_FOUND');
  const outcome = await transact(deps.data, (tools) => refresh(deps, tools, claims));
  if (typeof outcome === 'string') throw new AppError(outcome);
  return outcome;
};
