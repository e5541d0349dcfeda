import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const revokeApiKey = apiCommand({
  name: 'api-keys revoke',
  summary: 'End a key pair of the calls surface for good, at once',
  usage: '<key id> [options]',
  help: ['A revoked key cannot be brought back. Gateways forget it within a second.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { id: readId(words[0], 'key id') };
    const key = await client.call(identityAdminRoutes.revokeApiKey, { params });
    return { json: key, text: `Key ${key.id} (${key.name}) is revoked since ${key.revoked_at}.` };
  },
});
