import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderEnabling, renderEndpoint } from './render.ts';

export const showWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints show',
  summary: 'Show one endpoint and how well it answers',
  usage: '<endpoint id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { endpoint_id: readId(words[0], 'endpoint id') };
    const endpoint = await client.call(webhookAdminRoutes.getEndpoint, { params });
    return {
      json: endpoint,
      text: [
        renderEndpoint(endpoint),
        ...(endpoint.status === 'disabled' ? ['', `  ${renderEnabling(endpoint)}`] : []),
      ].join('\n'),
    };
  },
});
