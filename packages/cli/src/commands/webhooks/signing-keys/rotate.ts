import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { refuseMoreWords } from '../../../command.ts';
import { OVERLAP_HELP, readOverlap } from '../../../options.ts';

export const rotateWebhookSigningKey = apiCommand({
  name: 'webhooks signing-keys rotate',
  summary: 'Let a new ed25519 key sign webhooks; the old one signs beside it for a while',
  usage: '[options]',
  help: [`${OVERLAP_HELP.replace('secret still works', 'key still signs')}; default 24h, at most 7d`],
  options: { overlap: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const key = await client.call(webhookAdminRoutes.rotateSigningKey, {
      body: { overlap_seconds: readOverlap(options) },
    });
    return { json: key, text: `Key ${key.id} signs from now on: ${key.public_key}` };
  },
});
