import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../command.ts';
import { readSince, SINCE_HELP } from '../../options.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderFields, renderTable } from '../../table.ts';

export const showTokenUsage = apiCommand({
  name: 'tokens usage',
  summary: 'Show the figures of an integration token and its latest requests',
  usage: '<token id> [options]',
  help: [
    SINCE_HELP,
    '--status <429|4xx>       only requests that were answered so',
    '--limit <n>              default 20',
  ],
  options: { since: { type: 'string' }, status: { type: 'string' }, limit: { type: 'string' } },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const params = { token_id: readId(words[0], 'token id') };
    const query = { from: readSince(options, io), status: textOption(options, 'status') };
    const limit = readLimit({ limit: '20', ...options });
    const requests = await readPages(limit, async (page) => {
      const found = await client.call(ticketAdminRoutes.listTokenUsage, {
        params,
        query: { ...query, ...page },
      });
      return { rows: found.requests, next_cursor: found.next_cursor };
    });
    const summary = await client.call(ticketAdminRoutes.getTokenUsageSummary, { params });
    return {
      json: { summary, requests },
      text: [
        renderFields([
          ['requests', String(summary.total_requests)],
          ['this hour', String(summary.requests_this_hour)],
          ['today', String(summary.requests_today)],
          ['errors', String(summary.error_count)],
          ['average ms', String(summary.avg_response_time_ms ?? '–')],
          ['p95 ms', String(summary.p95_response_time_ms ?? '–')],
          ['bytes kept', String(summary.stored_bytes)],
        ]),
        '',
        renderTable(
          ['AT', 'METHOD', 'ENDPOINT', 'STATUS', 'MS', 'TIMES', 'FROM', 'ERROR'],
          requests.map((request) => [
            request.created_at,
            request.method,
            request.endpoint,
            String(request.status_code),
            String(request.response_time_ms),
            String(1 + request.repeated),
            request.ip_address ?? '',
            request.error_code ?? '',
          ]),
        ),
      ].join('\n'),
    };
  },
});
