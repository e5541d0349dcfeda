import { identityAdminRoutes, userRoles } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, UsageError } from '../../command.ts';
import { findUserId } from './find-user.ts';
import { readRole } from './role-option.ts';

export const changeUserRole = apiCommand({
  name: 'users role',
  summary: 'Change what a user may do',
  usage: `<user id | e-mail> ${userRoles.join('|')} [options]`,
  help: ['It has its effect within a second, also on tokens that are out already.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 2);
    const role = readRole(words[1]);
    if (role === undefined) throw new UsageError(`Say which role: ${userRoles.join(', ')}.`);
    const user = await client.call(identityAdminRoutes.updateUser, {
      params: { id: await findUserId(client, words[0]) },
      body: { role },
    });
    return { json: user, text: `${user.email ?? user.id} is ${user.role} now.` };
  },
});
