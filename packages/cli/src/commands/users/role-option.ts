import { type UserRole, userRoles } from '@switchboard/contracts';
import { UsageError } from '../../command.ts';

/** Undefined where none was given. */
export const readRole = (word: string | undefined): UserRole | undefined => {
  if (word === undefined) return undefined;
  const role = userRoles.find((known) => known === word);
  if (role) return role;
  throw new UsageError(`"${word}" is no role: there are ${userRoles.join(', ')}.`);
};
