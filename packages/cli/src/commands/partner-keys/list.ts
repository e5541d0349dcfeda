import { environmentSchema, partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';

export const listPartnerKeys = apiCommand({
  name: 'partner-keys list',
  summary: 'Show the keys of partners, newest first',
  usage: '[options]',
  help: [
    '--partner <name>                   only of partners whose name contains this',
    '--environment sandbox|production   only of this environment',
    '--active                           only those that work now',
    '--limit <n>                        default 100',
  ],
  options: {
    partner: { type: 'string' },
    environment: { type: 'string' },
    active: { type: 'boolean' },
    limit: { type: 'string' },
  },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const environment = environmentSchema.optional().safeParse(textOption(options, 'environment'));
    if (!environment.success) throw new UsageError('--environment must be sandbox or production.');
    const query = {
      search: textOption(options, 'partner'),
      environment: environment.data,
      active: options.active ? ('true' as const) : undefined,
    };
    const keys = await readPages(readLimit(options), async (page) => {
      const found = await client.call(partnerAdminRoutes.listKeys, { query: { ...query, ...page } });
      return { rows: found.partner_keys, next_cursor: found.next_cursor };
    });
    if (keys.length === 0)
      return { json: keys, text: 'No keys. Make one with: switchboard partner-keys create <partner name>' };
    return {
      json: keys,
      text: renderTable(
        ['KEY ID', 'PARTNER', 'ENVIRONMENT', 'STATUS', 'KEY', 'COMPANY', 'EXPIRES', 'LAST USED'],
        keys.map((key) => [
          key.id,
          key.partner_name,
          key.environment,
          key.status,
          `${key.key_prefix}…`,
          key.company_id ?? 'all',
          renderMinute(key.expires_at, 'never'),
          renderMinute(key.last_used_at, 'never'),
        ]),
      ),
    };
  },
});
