import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const enableToken = apiCommand({
  name: 'tokens enable',
  summary: 'Let a disabled integration token work again',
  usage: '<token id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { token_id: readId(words[0], 'token id') };
    const token = await client.call(ticketAdminRoutes.enableToken, { params });
    return { json: token, text: `Token ${token.id} (${token.name}) works again.` };
  },
});
