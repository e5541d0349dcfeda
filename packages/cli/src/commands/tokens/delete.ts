import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const deleteToken = apiCommand({
  name: 'tokens delete',
  summary: 'End an integration token and show it no more',
  usage: '<token id> [options]',
  help: ['Its tickets, its usage and its audit trail stay.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const id = readId(words[0], 'token id');
    await client.call(ticketAdminRoutes.deleteToken, { params: { token_id: id } });
    return { json: { id, deleted: true }, text: `Token ${id} is deleted.` };
  },
});
