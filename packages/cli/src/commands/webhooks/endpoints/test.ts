import { webhookAdminRoutes } from '@switchboard/contracts';
import type { Client } from '../../../api/client.ts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords } from '../../../command.ts';
import { renderAttempt, waitForAttempt } from '../deliveries/wait-for-attempt.ts';
import { checkWait, waitHelp, waitOptions } from '../wait.ts';

/** Why nothing was attempted yet, where it is that. */
const sayCircuit = async (client: Client, params: { readonly endpoint_id: string }): Promise<string[]> => {
  const { health } = await client.call(webhookAdminRoutes.getEndpoint, { params });
  return health.circuit_open_until === null
    ? []
    : [
        `Its circuit is open after ${health.consecutive_failures} failures (${health.last_error}): one attempt is made at ${health.circuit_open_until}, and the others wait for it to succeed.`,
      ];
};

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
    const circuit = attempt === null ? await sayCircuit(client, params) : [];
    return {
      json: { ...sent, attempt },
      text: [
        `Message ${sent.message_id} is sent as delivery ${sent.delivery_id}.`,
        ...circuit,
        renderAttempt(attempt, sent.delivery_id),
      ].join('\n'),
    };
  },
});
