import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { OVERLAP_HELP, readOverlap } from '../../options.ts';
import { renderFields, renderOldSecret } from '../../table.ts';

export const rotateApiKey = apiCommand({
  name: 'api-keys rotate',
  summary: 'Give a key pair a new secret; the old one still works for a while',
  usage: '<key id> [options]',
  help: [`${OVERLAP_HELP}; default 24h`],
  options: { overlap: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const rotated = await client.call(identityAdminRoutes.rotateApiKey, {
      params: { id: readId(words[0], 'key id') },
      body: { overlap_seconds: readOverlap(options) },
    });
    const isOver = new Date(rotated.previous_secret_expires_at) <= io.now();
    return {
      json: rotated,
      text: [
        'New secret made. It is shown this once: keep it now.',
        '',
        renderFields([
          ['key id', rotated.id],
          ['API secret', rotated.api_secret],
          ['old secret', isOver ? 'ended' : renderOldSecret(rotated.previous_secret_expires_at, null)],
        ]),
      ].join('\n'),
    };
  },
});
