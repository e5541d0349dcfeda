import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../../command.ts';
import { endpointHelp, endpointOptions, readEndpointFields, readEventTypes } from './fields.ts';
import { renderEndpoint } from './render.ts';

export const updateWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints update',
  summary: 'Change an endpoint; what waits for it goes where it says then',
  usage: '<endpoint id> [options]',
  help: [
    '--to <url>                      where to send to',
    ...endpointHelp,
    'Headers replace all that it had; with nothing on standard input it has none. Another address needs them again.',
  ],
  options: { to: { type: 'string' }, ...endpointOptions },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const params = { endpoint_id: readId(words[0], 'endpoint id') };
    const body = {
      url: textOption(options, 'to'),
      event_types: readEventTypes(options),
      ...(await readEndpointFields(options, io)),
    };
    if (Object.values(body).every((value) => value === undefined))
      throw new UsageError('Say what to change: --to, --event-types, or another of these options.');
    const endpoint = await client.call(webhookAdminRoutes.updateEndpoint, { params, body });
    return { json: endpoint, text: renderEndpoint(endpoint) };
  },
});
