import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const revokeToken = apiCommand({
  name: 'tokens revoke',
  summary: 'End an integration token for good, at once',
  usage: '<token id> [options]',
  help: ['A revoked token cannot be brought back. Gateways forget it within a second.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { token_id: readId(words[0], 'token id') };
    const token = await client.call(ticketAdminRoutes.revokeToken, { params });
    return { json: token, text: `Token ${token.id} (${token.name}) is revoked since ${token.revoked_at}.` };
  },
});
