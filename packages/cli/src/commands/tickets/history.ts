import { ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderTable } from '../../table.ts';

const inWords = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export const showTicketHistory = apiCommand({
  name: 'tickets history',
  summary: 'Show everything that was done to a ticket, newest first',
  usage: '<ticket id> [options]',
  help: ['--limit <n>   default 100'],
  options: { limit: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const entries = await readPages(readLimit(options), async (query) => {
      const page = await client.call(ticketStaffRoutes.getHistory, { params, query });
      return { rows: page.entries, next_cursor: page.next_cursor };
    });
    return {
      json: entries,
      text: renderTable(
        ['AT', 'WHAT', 'WHO', 'CHANGES'],
        entries.map(({ at, type, actor, changes, comment_id, attachment_id }) => [
          at,
          type,
          actor.name ?? actor.id,
          [
            ...Object.entries(changes).map(
              ([field, { from, to }]) => `${field}: ${inWords(from)} -> ${inWords(to)}`,
            ),
            ...(comment_id === null ? [] : [`comment ${comment_id}`]),
            ...(attachment_id === null ? [] : [`attachment ${attachment_id}`]),
          ].join(', '),
        ]),
      ),
    };
  },
});
