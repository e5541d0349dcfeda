import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { numberOption, readAllowedIps, readExpiry } from '../../options.ts';
import { renderFields } from '../../table.ts';

export const createApiKey = apiCommand({
  name: 'api-keys create',
  summary: 'Make a key pair of the calls surface',
  usage: '<name> [options]',
  help: [
    '--account <name>              whose calls it sees; default an account of its own',
    '--expires-in-days <n>|never   default never',
    '--allowed-ips <a,b/8>|any     addresses and networks it may be used from; default any',
    '--rate-limit <n>              requests a minute; default 100',
  ],
  options: {
    account: { type: 'string' },
    'expires-in-days': { type: 'string' },
    'allowed-ips': { type: 'string' },
    'rate-limit': { type: 'string' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const [name] = words;
    if (!name?.trim()) throw new UsageError('Say what the key is for: its name is missing.');
    const made = await client.call(identityAdminRoutes.createApiKey, {
      body: {
        name,
        account: textOption(options, 'account'),
        expires_at: readExpiry(options, io),
        allowed_ips: readAllowedIps(options),
        rate_limit_per_minute: numberOption(options, 'rate-limit'),
      },
    });
    return {
      json: made,
      text: [
        'Key made. Its secret is shown this once: keep it now.',
        '',
        renderFields([
          ['name', made.name],
          ['account', made.account],
          ['key id', made.id],
          ['API key', made.api_key],
          ['API secret', made.api_secret],
          ['expires', made.expires_at ?? 'never'],
        ]),
        '',
        `  curl -H 'X-API-Key: ${made.api_key}' \\`,
        `    -H 'X-API-Secret: ${made.api_secret}' …`,
      ].join('\n'),
    };
  },
});
