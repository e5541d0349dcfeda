import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { renderPartnerKey } from './render.ts';

export const showPartnerKey = apiCommand({
  name: 'partner-keys show',
  summary: 'Show one key of a partner',
  usage: '<key id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { key_id: readId(words[0], 'key id') };
    const key = await client.call(partnerAdminRoutes.getKey, { params });
    return { json: key, text: renderPartnerKey(key) };
  },
});
