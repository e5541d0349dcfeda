import type { Tools } from '@switchboard/db';
import type { Deps } from '../../deps.ts';
import { redirectOrHome } from '../redirects.ts';
import type { UserRecord } from '../users/user-repository.ts';
import type { CodeChallenge } from './auth-code.ts';
import { queueTokenMail } from './queue-token-mail.ts';

/** Mails a user a link that signs in, to choose a password. */
export const queueRecovery = async (
  tools: Pick<Tools<'identity'>, 'trx'>,
  deps: Pick<Deps, 'config' | 'data' | 'secrets'>,
  user: Pick<UserRecord, 'id' | 'email'>,
  options: { readonly challenge?: CodeChallenge | null; readonly redirectTo?: string | undefined } = {},
): Promise<void> => {
  if (user.email === null) return;
  await queueTokenMail(tools, deps, {
    purpose: 'recovery',
    userId: user.id,
    email: user.email,
    challenge: options.challenge ?? null,
    redirectTo: redirectOrHome(deps.config, options.redirectTo),
  });
};
