import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { OVERLAP_HELP, readOverlap } from '../../options.ts';
import { renderFields, renderOldSecret } from '../../table.ts';

export const rotatePartnerKey = apiCommand({
  name: 'partner-keys rotate',
  summary: 'Give a key of a partner a new secret; the old one still works for a while',
  usage: '<key id> [options]',
  help: [OVERLAP_HELP, '--webhook                give it a new webhook secret too, at once'],
  options: { overlap: { type: 'string' }, webhook: { type: 'boolean' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const rotated = await client.call(partnerAdminRoutes.rotateKey, {
      params: { key_id: readId(words[0], 'key id') },
      body: { overlap_seconds: readOverlap(options), rotate_webhook_secret: options.webhook === true },
    });
    return {
      json: rotated,
      text: [
        'New secret made. It is shown this once: keep it now.',
        '',
        renderFields([
          ['key id', rotated.id],
          ['API secret', rotated.api_secret],
          ['webhook secret', rotated.webhook_secret ?? '(unchanged)'],
          ['old secret', renderOldSecret(rotated.previous_secret_expires_at, null)],
        ]),
      ].join('\n'),
    };
  },
});
