import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { renderToken } from './render.ts';

export const showToken = apiCommand({
  name: 'tokens show',
  summary: 'Show one integration token',
  usage: '<token id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { token_id: readId(words[0], 'token id') };
    const token = await client.call(ticketAdminRoutes.getToken, { params });
    return { json: token, text: renderToken(token) };
  },
});
