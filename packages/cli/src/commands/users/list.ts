import { identityAdminRoutes, userRoles } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';
import { readRole } from './role-option.ts';

export const listUsers = apiCommand({
  name: 'users list',
  summary: 'Show the users, newest first',
  usage: '[options]',
  help: [
    '--search <words>   only those whose e-mail address contains this',
    `--role <role>      only those who are ${userRoles.join(', ')}`,
    '--disabled         only those who are shut out',
    '--limit <n>        default 100',
  ],
  options: {
    search: { type: 'string' },
    role: { type: 'string' },
    disabled: { type: 'boolean' },
    limit: { type: 'string' },
  },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const query = {
      search: textOption(options, 'search'),
      role: readRole(textOption(options, 'role')),
      disabled: options.disabled ? ('true' as const) : undefined,
    };
    const users = await readPages(readLimit(options), async (page) => {
      const found = await client.call(identityAdminRoutes.listUsers, { query: { ...query, ...page } });
      return { rows: found.users, next_cursor: found.next_cursor };
    });
    if (users.length === 0) return { json: users, text: 'No users.' };
    return {
      json: users,
      text: renderTable(
        ['USER ID', 'E-MAIL', 'NAME', 'ROLE', 'STATE', 'LAST SIGN-IN'],
        users.map((user) => [
          user.id,
          user.email ?? '',
          user.name ?? '',
          user.role,
          user.disabled_at === null ? 'enabled' : 'disabled',
          renderMinute(user.last_sign_in_at, 'never'),
        ]),
      ),
    };
  },
});
