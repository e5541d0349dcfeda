import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../command.ts';
import { numberOption, readActive, readAllowedIps, readExpiry } from '../../options.ts';
import { renderApiKey } from './render.ts';

export const updateApiKey = apiCommand({
  name: 'api-keys update',
  summary: 'Change a key pair of the calls surface',
  usage: '<key id> [options]',
  help: [
    '--name <name>                 what it is for',
    '--expires-in-days <n>|never   from now on',
    '--allowed-ips <a,b/8>|any     addresses and networks it may be used from',
    '--rate-limit <n>              requests a minute',
    '--disable, --enable           for the time being; api-keys revoke is for good',
  ],
  options: {
    name: { type: 'string' },
    'expires-in-days': { type: 'string' },
    'allowed-ips': { type: 'string' },
    'rate-limit': { type: 'string' },
    disable: { type: 'boolean' },
    enable: { type: 'boolean' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const key = await client.call(identityAdminRoutes.updateApiKey, {
      params: { id: readId(words[0], 'key id') },
      body: {
        name: textOption(options, 'name'),
        expires_at: readExpiry(options, io),
        allowed_ips: readAllowedIps(options),
        rate_limit_per_minute: numberOption(options, 'rate-limit'),
        is_active: readActive(options),
      },
    });
    return { json: key, text: renderApiKey(key, io.now()) };
  },
});
