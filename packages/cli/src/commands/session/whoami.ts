import { authRoutes } from '@switchboard/contracts';
import { requireGateway } from '../../api/gateway.ts';
import { createSessionStore } from '../../api/session-store.ts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { renderFields } from '../../table.ts';

export const whoami = apiCommand({
  name: 'whoami',
  summary: 'Say which gateway commands go to, and as whom',
  usage: '[options]',
  help: [],
  options: {},
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 0);
    const { url } = await requireGateway(io, options, createSessionStore(io.environment.configDir));
    const { id, email, app_metadata } = await client.call(authRoutes.getUser);
    const who = { url, user_id: id, email, role: app_metadata.role };
    return {
      json: who,
      text: renderFields([
        ['gateway', url],
        ['user', email],
        ['user id', id],
        ['role', app_metadata.role],
      ]),
    };
  },
});
