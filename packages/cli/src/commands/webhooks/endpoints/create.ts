import { environmentSchema, webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../../command.ts';
import { renderFields } from '../../../table.ts';
import { endpointHelp, endpointOptions, readEndpointFields, readEventTypes } from './fields.ts';

export const createWebhookEndpoint = apiCommand({
  name: 'webhooks endpoints create',
  summary: 'Make an endpoint that is told about the events of an owner',
  usage: '<url> --owner <kind:id> --event-types <a,b> [options]',
  help: [
    '--owner <kind:id>               whose events: account:<id>, partner_key:<id>, integration_token:<id>, user:<id>',
    '--environment <name>            sandbox, or production (default); plain http is for the sandbox',
    ...endpointHelp,
  ],
  options: { owner: { type: 'string' }, environment: { type: 'string' }, ...endpointOptions },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const [url] = words;
    if (!url) throw new UsageError('Say where to send to: the URL is missing.');
    const owner = textOption(options, 'owner');
    if (owner === undefined) throw new UsageError('Say whose events it gets: --owner is missing.');
    const eventTypes = readEventTypes(options);
    if (eventTypes === undefined)
      throw new UsageError('Say which events it gets: --event-types is missing; "*" is all of them.');
    const environment = environmentSchema.safeParse(textOption(options, 'environment') ?? 'production');
    if (!environment.success) throw new UsageError('--environment must be sandbox or production.');
    const made = await client.call(webhookAdminRoutes.createEndpoint, {
      body: {
        url,
        owner,
        environment: environment.data,
        event_types: eventTypes,
        ...(await readEndpointFields(options, io)),
      },
    });
    return {
      json: made,
      text: [
        'Endpoint made. Its secret is shown this once: give it to the receiver now.',
        '',
        renderFields([
          ['endpoint id', made.id],
          ['url', made.url],
          ['owner', made.owner],
          ['environment', made.environment],
          ['event types', made.event_types.join(', ')],
          ['secret', made.secret],
        ]),
        '',
        `  switchboard webhooks endpoints test ${made.id}`,
      ].join('\n'),
    };
  },
});
