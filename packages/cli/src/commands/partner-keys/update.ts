import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { readActive, readExpiry } from '../../options.ts';
import { keyOptions, permissionsHelp, readKeyFields } from './fields.ts';
import { renderPartnerKey } from './render.ts';

export const updatePartnerKey = apiCommand({
  name: 'partner-keys update',
  summary: 'Change what a key of a partner may do',
  usage: '<key id> [options]',
  help: [
    '--rate-limit <n>                   requests a minute',
    '--allowed-ips <a,b/8>|any          addresses and networks it may be used from',
    '--expires-in-days <n>|never        from now on',
    permissionsHelp,
    '--disable, --enable                for the time being; partner-keys revoke is for good',
  ],
  options: { ...keyOptions, disable: { type: 'boolean' }, enable: { type: 'boolean' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const key = await client.call(partnerAdminRoutes.updateKey, {
      params: { key_id: readId(words[0], 'key id') },
      body: {
        ...readKeyFields(options),
        expires_at: readExpiry(options, io),
        is_active: readActive(options),
      },
    });
    return { json: key, text: renderPartnerKey(key) };
  },
});
