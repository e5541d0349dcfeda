import type { identityRpcs } from '@switchboard/contracts';
import type { z } from 'zod';
import type { Executor } from '../database.ts';
import { findUserById } from './user-repository.ts';

type FoundUser = z.input<typeof identityRpcs.findUser.reply>['user'];

const wordsIn = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 200) : null;

/** Who a user is, for services that give people work to do; null where there is none. */
export const describeUser = async (executor: Executor, userId: string): Promise<FoundUser> => {
  const user = await findUserById(executor, userId);
  return (
    user && {
      id: user.id,
      email: user.email,
      name: wordsIn(user.userMetadata.name) ?? wordsIn(user.userMetadata.full_name),
      role: user.role,
      disabled: user.disabledAt !== null,
    }
  );
};
