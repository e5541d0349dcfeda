import { webhookAdminRoutes } from '@switchboard/contracts';
import type { Client } from '../../../api/client.ts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { numberOption } from '../../../options.ts';
import { renderOutcome, waitForReplay } from '../replays/wait-for-replay.ts';
import { checkWait, waitHelp, waitOptions } from '../wait.ts';

/** Nobody sends by itself what was held: whoever did not ask for it has to know. */
const sayWhatIsHeld = async (client: Client, endpointId: string): Promise<string> => {
  const query = { endpoint_id: endpointId, status: 'held' as const, limit: 1 };
  const { deliveries } = await client.call(webhookAdminRoutes.listDeliveries, { query });
  return deliveries.length === 0
    ? ''
    : `What it missed stays held; to send it: switchboard webhooks endpoints enable ${endpointId} --send-missed`;
};

export const enableWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints enable',
  summary: 'Send to an endpoint again, and what it missed if asked to',
  usage: '<endpoint id> [options]',
  help: [
    '--send-missed          send what was kept while it was disabled',
    '--rate <n>             of these, how many a second; default 50',
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
      const missed = options['send-missed'] ? 'It missed nothing.' : await sayWhatIsHeld(client, endpoint.id);
      return { json: { endpoint, replay }, text: missed === '' ? enabled : `${enabled} ${missed}` };
    }
    const outcome = await waitForReplay(replay, { client, io, options });
    return {
      json: { endpoint, replay: outcome },
      text: [`${enabled} What it missed:`, '', renderOutcome(outcome)].join('\n'),
    };
  },
});
