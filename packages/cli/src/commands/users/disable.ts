import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { findUserId } from './find-user.ts';

export const disableUser = apiCommand({
  name: 'users disable',
  summary: 'Shut a user out: every session ends, and no new one begins',
  usage: '<user id | e-mail> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { id: await findUserId(client, words[0]) };
    const user = await client.call(identityAdminRoutes.disableUser, { params });
    return { json: user, text: `${user.email ?? user.id} is disabled.` };
  },
});
