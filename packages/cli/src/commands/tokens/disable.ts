import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const disableToken = apiCommand({
  name: 'tokens disable',
  summary: 'Let an integration token rest for the time being',
  usage: '<token id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { token_id: readId(words[0], 'token id') };
    const token = await client.call(ticketAdminRoutes.disableToken, { params });
    const text = `Token ${token.id} (${token.name}) is disabled. Its webhooks are told nothing of what happens meanwhile; its feed has it afterwards.`;
    return { json: token, text };
  },
});
