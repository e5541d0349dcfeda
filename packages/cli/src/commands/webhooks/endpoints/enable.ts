import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { numberOption } from '../../../options.ts';
import { renderOutcome, waitForReplay } from '../replays/wait-for-replay.ts';
import { checkWait, waitHelp, waitOptions } from '../wait.ts';

export const enableWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints enable',
  summary: 'Send to an endpoint again, and what it missed if asked to',
  usage: '<endpoint id> [options]',
  help: [
    '--send-missed   send what was kept while it was disabled',
    '--rate <n>      of these, how many a second; default 50',
    ...waitHelp,
  ],
  options: { 'send-missed': { type: 'boolean' }, rate: { type: 'string' }, ...waitOptions },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    checkWait(options);
    const { endpoint, replay } = await client.call(webhookAdminRoutes.enableEndpoint, {
      params: { endpoint_id: readId(words[0], 'endpoint id') },
      body: { send_missed: options['send-missed'] === true, rate_per_second: numberOption(options, 'rate') },
    });
    const enabled = `Endpoint ${endpoint.id} is enabled.`;
    if (replay === null) {
      const missed = options['send-missed'] ? ' It missed nothing.' : '';
      return { json: { endpoint, replay }, text: `${enabled}${missed}` };
    }
    const outcome = await waitForReplay(replay, { client, io, options });
    return {
      json: { endpoint, replay: outcome },
      text: [`${enabled} What it missed:`, '', renderOutcome(outcome)].join('\n'),
    };
  },
});
