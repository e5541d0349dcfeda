import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderAttempt, waitForAttempt } from '../deliveries/wait-for-attempt.ts';
import { checkWait, waitHelp, waitOptions } from '../wait.ts';

export const testWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints test',
  summary: 'Send a test message (webhook.test) to an endpoint, and show how it answers',
  usage: '<endpoint id> [options]',
  help: [...waitHelp],
  options: { ...waitOptions },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    checkWait(options);
    const params = { endpoint_id: readId(words[0], 'endpoint id') };
    const sent = await client.call(webhookAdminRoutes.testEndpoint, { params });
    const attempt = await waitForAttempt(sent.delivery_id, 1, { client, io, options });
    return {
      json: { ...sent, attempt },
      text: [
        `Message ${sent.message_id} is sent as delivery ${sent.delivery_id}.`,
        renderAttempt(attempt, sent.delivery_id),
      ].join('\n'),
    };
  },
});
