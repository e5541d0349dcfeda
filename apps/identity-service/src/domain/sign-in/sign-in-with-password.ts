import { AppError } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import type { Caller } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { checkPassword } from '../passwords/check-password.ts';
import { type IssuedSession, startSession } from '../sessions/start-session.ts';

/** @throws INVALID_CREDENTIALS, EMAIL_NOT_CONFIRMED */
export const signInWithPassword = async (
  deps: Deps,
  input: { readonly email: string; readonly password: string; readonly caller: Caller },
): Promise<IssuedSession> => {
  const user = await checkPassword(deps, input);
  if (!user) throw new AppError('INVALID_CREDENTIALS');
  const { caller } = input;
  return transact(deps.data, async (tools) => {
    const issued = await startSession(deps, tools, {
      userId: user.id,
      method: 'password',
      clientName: null,
      caller,
    });
    // It was changed while this one was checked.
    if (issued.user.passwordHash !== user.passwordHash) throw new AppError('INVALID_CREDENTIALS');
    return issued;
  });
};
