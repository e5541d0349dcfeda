import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderEnabling } from './render.ts';

export const disableWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints disable',
  summary: 'Send nothing to an endpoint for now, and keep what it would get',
  usage: '<endpoint id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { endpoint_id: readId(words[0], 'endpoint id') };
    const endpoint = await client.call(webhookAdminRoutes.disableEndpoint, { params });
    return {
      json: endpoint,
      text: [
        `Endpoint ${endpoint.id} is disabled since ${endpoint.disabled_at}. What it would get is kept for it.`,
        '',
        `  ${renderEnabling(endpoint)}`,
      ].join('\n'),
    };
  },
});
