import { partnerAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { readSince, SINCE_HELP } from '../../options.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderTable } from '../../table.ts';

const STATUSES = ['2xx', '3xx', '4xx', '5xx'] as const;

export const listPartnerKeyRequests = apiCommand({
  name: 'partner-keys requests',
  summary: 'Show the latest requests that a key of a partner was used for',
  usage: '<key id> [options]',
  help: [
    SINCE_HELP,
    `--status ${STATUSES.join('|')}   only those that were answered so`,
    '--endpoint <pattern>       only this one, as the log has it: /api/partner/v1/jobs/:job_id/status',
    '--limit <n>                default 100',
  ],
  options: {
    since: { type: 'string' },
    status: { type: 'string' },
    endpoint: { type: 'string' },
    limit: { type: 'string' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const params = { key_id: readId(words[0], 'key id') };
    const wanted = textOption(options, 'status');
    const status = STATUSES.find((known) => known === wanted);
    if (status !== wanted) throw new UsageError(`--status must be one of ${STATUSES.join(', ')}.`);
    const query = { from: readSince(options, io), endpoint: textOption(options, 'endpoint'), status };
    const requests = await readPages(readLimit(options), async (page) => {
      const found = await client.call(partnerAdminRoutes.listKeyRequests, {
        params,
        query: { ...query, ...page },
      });
      return { rows: found.requests, next_cursor: found.next_cursor };
    });
    if (requests.length === 0) return { json: requests, text: 'No requests.' };
    return {
      json: requests,
      text: renderTable(
        ['AT', 'METHOD', 'ENDPOINT', 'STATUS', 'MS', 'TIMES', 'FROM', 'ERROR', 'TRACE ID'],
        requests.map((request) => [
          request.created_at,
          request.method,
          request.endpoint,
          String(request.response_status),
          String(request.response_time_ms),
          String(1 + request.repeated),
          request.ip_address ?? '',
          request.error_code ?? '',
          request.trace_id,
        ]),
      ),
    };
  },
});
