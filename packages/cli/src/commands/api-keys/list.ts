import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';
import { statusOf } from './render.ts';

export const listApiKeys = apiCommand({
  name: 'api-keys list',
  summary: 'Show the key pairs of the calls surface, newest first',
  usage: '[options]',
  help: [
    '--search <words>   only those whose name contains this',
    '--active           only those that work now',
    '--limit <n>        default 100',
  ],
  options: { search: { type: 'string' }, active: { type: 'boolean' }, limit: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 0);
    const query = {
      search: textOption(options, 'search'),
      active: options.active ? ('true' as const) : undefined,
    };
    const keys = await readPages(readLimit(options), async (page) => {
      const found = await client.call(identityAdminRoutes.listApiKeys, { query: { ...query, ...page } });
      return { rows: found.api_keys, next_cursor: found.next_cursor };
    });
    if (keys.length === 0)
      return { json: keys, text: 'No keys. Make one with: switchboard api-keys create <name>' };
    return {
      json: keys,
      text: renderTable(
        ['KEY ID', 'NAME', 'ACCOUNT', 'STATUS', 'KEY', 'EXPIRES', 'LAST USED'],
        keys.map((key) => [
          key.id,
          key.name,
          key.account,
          statusOf(key, io.now()),
          `${key.key_prefix}…`,
          renderMinute(key.expires_at, 'never'),
          renderMinute(key.last_used_at, 'never'),
        ]),
      ),
    };
  },
});
