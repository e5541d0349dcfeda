import { environmentSchema, webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../../command.ts';
import { readLimit, readPages } from '../../../pages.ts';
import { renderMinute, renderTable } from '../../../table.ts';
import { renderStatus } from './render.ts';

const STATUSES = ['enabled', 'disabled'] as const;

export const listWebhookEndpoints = apiCommand({
  name: 'webhooks endpoints list',
  summary: 'Show the endpoints of webhooks, newest first',
  usage: '[options]',
  help: [
    '--owner <kind:id>                  only those of this owner, such as account:<id>',
    '--environment sandbox|production   only of this environment',
    `--status ${STATUSES.join('|')}          only of this status`,
    '--limit <n>                        default 100',
  ],
  options: {
    owner: { type: 'string' },
    environment: { type: 'string' },
    status: { type: 'string' },
    limit: { type: 'string' },
  },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const environment = environmentSchema.optional().safeParse(textOption(options, 'environment'));
    if (!environment.success) throw new UsageError('--environment must be sandbox or production.');
    const wanted = textOption(options, 'status');
    const status = STATUSES.find((known) => known === wanted);
    if (status !== wanted) throw new UsageError(`--status must be one of ${STATUSES.join(', ')}.`);
    const query = { owner: textOption(options, 'owner'), environment: environment.data, status };
    const endpoints = await readPages(readLimit(options), async (page) => {
      const found = await client.call(webhookAdminRoutes.listEndpoints, { query: { ...query, ...page } });
      return { rows: found.endpoints, next_cursor: found.next_cursor };
    });
    if (endpoints.length === 0)
      return {
        json: endpoints,
        text: 'No endpoints. Make one with: switchboard webhooks endpoints create <url> --owner <kind:id> --event-types <a,b>',
      };
    return {
      json: endpoints,
      text: renderTable(
        ['ENDPOINT ID', 'OWNER', 'ENVIRONMENT', 'STATUS', 'SEQUENCE', 'LAST SUCCESS', 'EVENT TYPES', 'URL'],
        endpoints.map((endpoint) => [
          endpoint.id,
          endpoint.owner,
          endpoint.environment,
          renderStatus(endpoint),
          String(endpoint.last_sequence),
          renderMinute(endpoint.health.last_success_at, 'never'),
          endpoint.event_types.join(','),
          endpoint.url,
        ]),
      ),
    };
  },
});
