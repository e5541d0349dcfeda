import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { OVERLAP_HELP, readOverlap } from '../../../options.ts';
import { renderFields } from '../../../table.ts';

export const rotateWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints rotate',
  summary: 'Give an endpoint a new secret; the old one signs beside it for a while',
  usage: '<endpoint id> [options]',
  help: [`${OVERLAP_HELP}; default 24h, at most 7d`],
  options: { overlap: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const rotated = await client.call(webhookAdminRoutes.rotateSecret, {
      params: { endpoint_id: readId(words[0], 'endpoint id') },
      body: { overlap_seconds: readOverlap(options) },
    });
    const old = rotated.secrets.find(({ expires_at }) => expires_at !== null);
    return {
      json: rotated,
      text: [
        'New secret made. It is shown this once: give it to the receiver now.',
        '',
        renderFields([
          ['endpoint id', rotated.id],
          ['secret', rotated.secret],
          ['old secret', old ? `signs until ${old.expires_at}` : 'none'],
        ]),
      ].join('\n'),
    };
  },
});
