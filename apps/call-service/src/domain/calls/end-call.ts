import { AppError, type endCallAnswer, type Principal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { accountOf } from './accounts.ts';
import { findCall } from './call-repository.ts';
import { isOver } from './change-call.ts';

type Answer = z.output<typeof endCallAnswer>;

const isOverAlready = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'CALL_NOT_ACTIVE';

/**
 * Ends a call, unless it is over: whoever asks again, or at once with another, gets the same answer. Needs Postgres alone.
 *
 * @throws CALL_NOT_FOUND
 */
export const endCall = async (
  { data, sessions }: Pick<Deps, 'data' | 'sessions'>,
  principal: Principal,
  id: string,
): Promise<Answer> => {
  const accountId = accountOf(principal);
  let call = await findCall(data.db, accountId, id);
  if (!isOver(call)) {
    await sessions.perform(call, { type: 'call.end', data: {} }, { principal }).catch((error: unknown) => {
      if (!isOverAlready(error)) throw error;
    });
    call = await findCall(data.db, accountId, id);
  }
  const { ended_at, duration_seconds, status } = call;
  if (ended_at === null || duration_seconds === null) {
    throw new AppError('SERVICE_UNAVAILABLE', { message: 'The call could not be ended: try again' });
  }
  return {
    success: true,
    data: { callId: call.id, status, endTime: ended_at.toISOString(), duration: duration_seconds },
  };
};
