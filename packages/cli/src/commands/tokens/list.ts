import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';

const STATUSES = ['active', 'disabled', 'revoked'] as const;

export const listTokens = apiCommand({
  name: 'tokens list',
  summary: 'Show the integration tokens, newest first',
  usage: '[options]',
  help: [
    '--search <words>                     only those whose name or beginning contains this',
    `--status ${STATUSES.join('|')}     only of this status`,
    '--limit <n>                          default 100',
  ],
  options: { search: { type: 'string' }, status: { type: 'string' }, limit: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const wanted = textOption(options, 'status');
    const status = STATUSES.find((known) => known === wanted);
    if (status !== wanted) throw new UsageError(`--status must be one of ${STATUSES.join(', ')}.`);
    const query = { search: textOption(options, 'search'), status };
    const tokens = await readPages(readLimit(options), async (page) => {
      const found = await client.call(ticketAdminRoutes.listTokens, { query: { ...query, ...page } });
      return { rows: found.tokens, next_cursor: found.next_cursor };
    });
    if (tokens.length === 0)
      return { json: tokens, text: 'No tokens. Make one with: switchboard tokens create <name>' };
    return {
      json: tokens,
      text: renderTable(
        ['TOKEN ID', 'NAME', 'STATUS', 'TOKEN', 'AN HOUR', 'REQUESTS', 'ERRORS', 'EXPIRES', 'LAST USED'],
        tokens.map((token) => [
          token.id,
          token.name,
          token.status,
          `${token.token_prefix}…`,
          String(token.rate_limit_per_hour),
          String(token.stats.total_requests),
          String(token.stats.error_count),
          renderMinute(token.expires_at, 'never'),
          renderMinute(token.last_used_at, 'never'),
        ]),
      ),
    };
  },
});
