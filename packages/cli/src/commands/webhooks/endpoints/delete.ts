import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';

export const deleteWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints delete',
  summary: 'Delete an endpoint for good; what waits for it is cancelled',
  usage: '<endpoint id> [options]',
  help: ['webhooks endpoints disable sends nothing either, and keeps what it would get.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const id = readId(words[0], 'endpoint id');
    await client.call(webhookAdminRoutes.deleteEndpoint, { params: { endpoint_id: id } });
    return { json: { id, deleted: true }, text: `Endpoint ${id} is deleted.` };
  },
});
