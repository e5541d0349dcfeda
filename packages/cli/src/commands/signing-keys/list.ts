import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';
import { renderMinute, renderTable } from '../../table.ts';

export const listSigningKeys = apiCommand({
  name: 'signing-keys list',
  summary: 'Show the keys that sign access tokens, newest first',
  usage: '[options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 0);
    const { signing_keys } = await client.call(identityAdminRoutes.listSigningKeys);
    return {
      json: signing_keys,
      text: renderTable(
        ['KEY ID', 'SIGNS FROM', 'SIGNS UNTIL', 'TAKEN UNTIL'],
        signing_keys.map((key) => [
          key.kid,
          renderMinute(key.signs_from, ''),
          renderMinute(key.signs_until, 'the next one'),
          renderMinute(key.published_until, 'the next one'),
        ]),
      ),
    };
  },
});
