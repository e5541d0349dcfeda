import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { refuseMoreWords } from '../../../command.ts';
import { renderMinute, renderTable } from '../../../table.ts';

export const listWebhookSigningKeys = apiCommand({
  name: 'webhooks signing-keys list',
  summary: 'Show the ed25519 keys that sign webhooks beside the secrets, newest first',
  usage: '[options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 0);
    const { signing_keys } = await client.call(webhookAdminRoutes.listSigningKeys);
    return {
      json: signing_keys,
      text: renderTable(
        ['KEY ID', 'MADE', 'SIGNS UNTIL', 'PUBLIC KEY'],
        signing_keys.map((key) => [
          key.id,
          renderMinute(key.created_at, ''),
          renderMinute(key.expires_at, 'the next one'),
          key.public_key,
        ]),
      ),
    };
  },
});
