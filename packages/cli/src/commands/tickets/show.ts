import { ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { renderMinute } from '../../table.ts';
import { renderTicket } from './render.ts';

export const showTicket = apiCommand({
  name: 'tickets show',
  summary: 'Show one ticket with its clocks and its newest comments, internal notes too',
  usage: '<ticket id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const { ticket } = await client.call(ticketStaffRoutes.getTicket, { params });
    const { comments } = await client.call(ticketStaffRoutes.listComments, { params, query: { limit: 20 } });
    const said = comments.map(
      ({ created_at, author, is_internal, content }) =>
        `${renderMinute(created_at, '')}  ${author}${is_internal ? ' (internal)' : ''}: ${content}`,
    );
    return { json: { ticket, comments }, text: [renderTicket(ticket), ...said].join('\n') };
  },
});
