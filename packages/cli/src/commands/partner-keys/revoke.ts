import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';

export const revokePartnerKey = apiCommand({
  name: 'partner-keys revoke',
  summary: 'End a key of a partner for good, at once',
  usage: '<key id> [options]',
  help: ['A revoked key cannot be brought back. Gateways forget it within a second.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { key_id: readId(words[0], 'key id') };
    const key = await client.call(partnerAdminRoutes.revokeKey, { params });
    return { json: key, text: `Key ${key.id} of ${key.partner_name} is revoked since ${key.revoked_at}.` };
  },
});
