import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { renderMinute, renderTable } from '../../table.ts';
import { findUserId } from './find-user.ts';
import { renderUser } from './render.ts';

export const showUser = apiCommand({
  name: 'users show',
  summary: 'Show one user, and where they are signed in',
  usage: '<user id | e-mail> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { id: await findUserId(client, words[0]) };
    const user = await client.call(identityAdminRoutes.getUser, { params });
    const sessions = user.open_sessions.map((session) => [
      session.client_name ?? 'browser',
      renderMinute(session.created_at, ''),
      renderMinute(session.refreshed_at, 'never'),
      session.ip ?? '',
      session.user_agent ?? '',
    ]);
    return {
      json: user,
      text: [
        renderUser(user),
        '',
        sessions.length === 0
          ? 'Not signed in anywhere.'
          : renderTable(['SIGNED IN BY', 'SINCE', 'REFRESHED', 'FROM', 'USER AGENT'], sessions),
      ].join('\n'),
    };
  },
});
