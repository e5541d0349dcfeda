import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { findUserId } from './find-user.ts';

export const enableUser = apiCommand({
  name: 'users enable',
  summary: 'Let a disabled user in again',
  usage: '<user id | e-mail> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { id: await findUserId(client, words[0]) };
    const user = await client.call(identityAdminRoutes.enableUser, { params });
    return { json: user, text: `${user.email ?? user.id} may sign in again.` };
  },
});
