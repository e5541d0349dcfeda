import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { renderApiKey } from './render.ts';

export const showApiKey = apiCommand({
  name: 'api-keys show',
  summary: 'Show one key pair of the calls surface, and when it was last used',
  usage: '<key id> [options]',
  help: [],
  options: {},
  async run({ words, io, client }) {
    refuseMoreWords(words, 1);
    const params = { id: readId(words[0], 'key id') };
    const key = await client.call(identityAdminRoutes.getApiKey, { params });
    return { json: key, text: renderApiKey(key, io.now()) };
  },
});
