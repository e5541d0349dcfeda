import { webhookAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../../command.ts';
import { readLimit, readPages } from '../../../pages.ts';
import { renderMinute, renderTable } from '../../../table.ts';

export const listWebhookReplays = apiCommand({
  name: 'webhooks replays list',
  summary: 'Show what was sent again, newest first',
  usage: '[options]',
  help: ['--endpoint <id>   only of this endpoint', '--limit <n>       default 100'],
  options: { endpoint: { type: 'string' }, limit: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const endpoint = textOption(options, 'endpoint');
    const query = { endpoint_id: endpoint === undefined ? undefined : readId(endpoint, 'endpoint id') };
    const replays = await readPages(readLimit(options), async (page) => {
      const found = await client.call(webhookAdminRoutes.listReplays, { query: { ...query, ...page } });
      return { rows: found.replays, next_cursor: found.next_cursor };
    });
    if (replays.length === 0) return { json: replays, text: 'Nothing was sent again.' };
    return {
      json: replays,
      text: renderTable(
        ['REPLAY ID', 'MADE', 'KIND', 'STATUS', 'TOTAL', 'IN LINE', 'SUCCESSFUL', 'FAILED', 'SKIPPED'],
        replays.map((replay) => [
          replay.id,
          renderMinute(replay.created_at, ''),
          replay.kind,
          replay.status,
          ...[replay.total, replay.scheduled, replay.successful, replay.failed, replay.skipped].map(String),
        ]),
      ),
    };
  },
});
