import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { findUserId } from './find-user.ts';

export const signOutUser = apiCommand({
  name: 'users sign-out',
  summary: 'Sign a user out everywhere',
  usage: '<user id | e-mail> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { id: await findUserId(client, words[0]) };
    const ended = await client.call(identityAdminRoutes.signOutUser, { params });
    return { json: ended, text: `Signed out: ${ended.sessions_ended} sessions ended.` };
  },
});
