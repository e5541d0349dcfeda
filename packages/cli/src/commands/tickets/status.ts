import { ticketStaffRoutes, ticketStatuses } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, UsageError } from '../../command.ts';
import { renderTicket } from './render.ts';

export const setTicketStatus = apiCommand({
  name: 'tickets status',
  summary: 'Change the status of a ticket',
  usage: `<ticket id> ${ticketStatuses.join('|')} [options]`,
  help: ['Clocks stand still while a ticket is waiting, and once it is resolved or closed.'],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 2);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const status = ticketStatuses.find((known) => known === words[1]);
    if (!status) throw new UsageError(`The status must be one of ${ticketStatuses.join(', ')}.`);
    const { ticket } = await client.call(ticketStaffRoutes.setTicketStatus, { params, body: { status } });
    return { json: ticket, text: renderTicket(ticket) };
  },
});
