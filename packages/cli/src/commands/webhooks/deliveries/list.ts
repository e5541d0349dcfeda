import { deliveryStatuses, webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../../command.ts';
import { readSince } from '../../../options.ts';
import { readLimit, readPages } from '../../../pages.ts';
import { renderMinute, renderTable } from '../../../table.ts';

export const listWebhookDeliveries = apiCommand({
  name: 'webhooks deliveries list',
  summary: 'Show deliveries of webhooks, newest first',
  usage: '[options]',
  help: [
    `--status <status>         ${deliveryStatuses.join(', ')}`,
    '--endpoint <id>           only to this endpoint',
    '--owner <kind:id>         only of this owner',
    '--event-type <type>       only of this event type',
    '--message <webhook-id>    only of this message',
    '--from, --to 24h|<time>   accepted from then on, and before then',
    '--limit <n>               default 100',
  ],
  options: {
    status: { type: 'string' },
    endpoint: { type: 'string' },
    owner: { type: 'string' },
    'event-type': { type: 'string' },
    message: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    limit: { type: 'string' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 0);
    const wanted = textOption(options, 'status');
    const status = deliveryStatuses.find((known) => known === wanted);
    if (status !== wanted) throw new UsageError(`--status must be one of ${deliveryStatuses.join(', ')}.`);
    const endpoint = textOption(options, 'endpoint');
    const query = {
      status,
      endpoint_id: endpoint === undefined ? undefined : readId(endpoint, 'endpoint id'),
      owner: textOption(options, 'owner'),
      event_type: textOption(options, 'event-type'),
      message_id: textOption(options, 'message'),
      from: readSince(options, io, 'from'),
      to: readSince(options, io, 'to'),
    };
    const deliveries = await readPages(readLimit(options), async (page) => {
      const found = await client.call(webhookAdminRoutes.listDeliveries, { query: { ...query, ...page } });
      return { rows: found.deliveries, next_cursor: found.next_cursor };
    });
    if (deliveries.length === 0) return { json: deliveries, text: 'No deliveries.' };
    return {
      json: deliveries,
      text: renderTable(
        ['DELIVERY ID', 'ACCEPTED', 'STATUS', 'ATTEMPTS', 'NEXT', 'EVENT TYPE', 'OWNER', 'URL'],
        deliveries.map((delivery) => [
          delivery.id,
          renderMinute(delivery.created_at, ''),
          delivery.status,
          String(delivery.attempt_count),
          renderMinute(delivery.next_attempt_at, '–'),
          delivery.event_type,
          delivery.owner,
          delivery.url,
        ]),
      ),
    };
  },
});
