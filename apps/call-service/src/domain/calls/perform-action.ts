import { type ActionInput, AppError, type actionAnswer, type Principal } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Deps } from '../../deps.ts';
import { accountOf } from './accounts.ts';
import { findCall } from './call-repository.ts';
import { isOver } from './change-call.ts';

type Answer = z.output<typeof actionAnswer>;

/**
 * Mutes, holds, presses a key, transfers or hangs up, by whoever has the call in hand.
 *
 * @throws CALL_NOT_FOUND, CALL_NOT_ACTIVE, INVALID_INPUT, SERVICE_UNAVAILABLE
 */
export const performAction = async (
  { data, sessions }: Pick<Deps, 'data' | 'sessions'>,
  principal: Principal,
  id: string,
  input: ActionInput,
): Promise<Answer> => {
  const accountId = accountOf(principal);
  const call = await findCall(data.db, accountId, id);
  if (isOver(call)) throw new AppError('CALL_NOT_ACTIVE');
  await sessions.perform(call, { type: 'call.action', data: input }, { principal });
  const { status } = await findCall(data.db, accountId, call.id);
  return {
    success: true,
    data: { callId: call.id, status, action: input.action, actionSuccess: true },
  };
};
