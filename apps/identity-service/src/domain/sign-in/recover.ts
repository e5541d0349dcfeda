import { transact } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { redirectOrHome } from '../redirects.ts';
import { requireEmail } from '../users/email.ts';
import { findUserByEmail } from '../users/user-repository.ts';
import type { CodeChallenge } from './auth-code.ts';
import { queueTokenMail } from './queue-token-mail.ts';

/**
 * Mails a link to whoever has the address. Does the same for an address that nobody has, or whose user is disabled, but that
 * this mail is dropped: neither answer nor time tells which it was.
 */
export const recover = async (
  deps: Deps,
  input: {
    readonly email: string;
    readonly challenge: CodeChallenge | null;
    readonly redirectTo: string | undefined;
  },
): Promise<void> => {
  const email = requireEmail(input.email);
  await transact(deps.data, async (tools) => {
    const user = await findUserByEmail(tools.trx, email);
    await queueTokenMail(tools, deps, {
      purpose: 'recovery',
      userId: user?.disabledAt === null ? user.id : null,
      email,
      challenge: input.challenge,
      redirectTo: redirectOrHome(deps.config, input.redirectTo),
    });
  });
};
