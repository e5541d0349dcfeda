import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { OVERLAP_HELP, readOverlap } from '../../options.ts';
import { renderFields, renderOldSecret } from '../../table.ts';

export const regenerateToken = apiCommand({
  name: 'tokens regenerate',
  summary: 'Give an integration token a new secret; its tickets stay with it',
  usage: '<token id> [options]',
  help: [`${OVERLAP_HELP}, which is the default`],
  options: { overlap: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const made = await client.call(ticketAdminRoutes.regenerateToken, {
      params: { token_id: readId(words[0], 'token id') },
      body: { overlap_seconds: readOverlap(options) },
    });
    const until = made.previous_token_expires_at;
    const works = until !== null && new Date(until) > io.now();
    return {
      json: made,
      text: [
        'New token made. It is shown this once: keep it now.',
        '',
        renderFields([
          ['token id', made.id],
          ['token', made.token],
          ['old token', works ? renderOldSecret(until, null) : 'ended'],
        ]),
        '',
        // Whoever had the secret may have registered an address too.
        'Addresses that were registered with it are still told of its tickets. See which there are:',
        `  switchboard webhooks endpoints list --owner integration_token:${made.id}`,
      ].join('\n'),
    };
  },
});
