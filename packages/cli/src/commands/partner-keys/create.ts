import { environmentSchema, partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { readExpiryDays } from '../../options.ts';
import { renderFields } from '../../table.ts';
import { keyOptions, permissionsHelp, readKeyFields } from './fields.ts';

export const createPartnerKey = apiCommand({
  name: 'partner-keys create',
  summary: 'Make a key pair for a partner',
  usage: '<partner name> [options]',
  help: [
    '--environment sandbox|production   default sandbox',
    '--company <id>                     bind the key to one company',
    '--expires-in-days <n>|never        default 365',
    '--allowed-ips <a,b/8>|any          addresses and networks it may be used from; default any',
    '--rate-limit <n>                   requests a minute; default 1000',
    permissionsHelp,
  ],
  options: { environment: { type: 'string' }, company: { type: 'string' }, ...keyOptions },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const [partner] = words;
    if (!partner?.trim()) throw new UsageError('Say whose key it is: the name of the partner is missing.');
    const environment = environmentSchema.safeParse(textOption(options, 'environment') ?? 'sandbox');
    if (!environment.success) throw new UsageError('--environment must be sandbox or production.');
    const company = textOption(options, 'company');
    const made = await client.call(partnerAdminRoutes.createKey, {
      body: {
        partner_name: partner,
        environment: environment.data,
        company_id: company === undefined ? undefined : readId(company, 'company id'),
        expires_in_days: readExpiryDays(options),
        ...readKeyFields(options),
      },
    });
    return {
      json: made,
      text: [
        'Key made. Its secrets are shown this once: keep them now.',
        '',
        renderFields([
          ['partner', made.partner_name],
          ['environment', made.environment],
          ['company', made.company_id ?? 'all'],
          ['key id', made.id],
          ['API key', made.api_key],
          ['API secret', made.api_secret],
          ['webhook secret', made.webhook_secret],
          ['expires', made.expires_at ?? 'never'],
        ]),
      ].join('\n'),
    };
  },
});
