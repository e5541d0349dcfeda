import { ticketPriorities, ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { oneOf } from './fields.ts';
import { renderTicket } from './render.ts';

export const updateTicket = apiCommand({
  name: 'tickets update',
  summary: 'Change the priority or the category of a ticket',
  usage: '<ticket id> [options]',
  help: [
    `--priority ${ticketPriorities.join('|')}   clocks that run get the time of the new one`,
    '--category <category>|none',
  ],
  options: { priority: { type: 'string' }, category: { type: 'string' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 1);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const priority = oneOf(ticketPriorities, textOption(options, 'priority'), 'priority');
    const given = textOption(options, 'category');
    if (priority === undefined && given === undefined) {
      throw new UsageError('Say what to change: --priority or --category.');
    }
    const category = given === 'none' ? null : given;
    const { ticket } = await client.call(ticketStaffRoutes.updateTicket, {
      params,
      body: { priority, category },
    });
    return { json: ticket, text: renderTicket(ticket) };
  },
});
