import { identityAdminRoutes } from '@switchboard/contracts';
import type { Client } from '../../api/client.ts';
import { OperatorError, readId, UsageError } from '../../command.ts';

/** The id of a user who is named by id or e-mail address. */
export const findUserId = async (client: Client, word: string | undefined): Promise<string> => {
  if (word === undefined) throw new UsageError('Say who: the user id or the e-mail address is missing.');
  if (!word.includes('@')) return readId(word, 'user id, nor an e-mail address');
  const email = word.toLowerCase();
  const { users } = await client.call(identityAdminRoutes.listUsers, {
    query: { search: email, limit: 100 },
  });
  const found = users.filter((user) => user.email === email);
  if (found.length > 1) {
    const ids = found.map(({ id, origin }) => `${id} (${origin})`).join(', ');
    throw new OperatorError(`Several users have the address ${email}: ${ids}. Say which, by user id.`);
  }
  const [user] = found;
  if (!user)
    throw new OperatorError(`There is no user with the address ${email}. users list shows who there is.`);
  return user.id;
};
