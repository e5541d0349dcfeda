import { ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, UsageError } from '../../command.ts';
import { findUserId } from '../users/find-user.ts';
import { renderTicket } from './render.ts';

export const assignTicket = apiCommand({
  name: 'tickets assign',
  summary: 'Give a ticket to an agent or administrator, or to nobody',
  usage: '<ticket id> <who>|none [options]',
  help: [
    'Who: the user id, or the e-mail address (which only administrators may look up).',
    'Whoever has it in hand already loses it.',
  ],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 2);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    if (words[1] === undefined) throw new UsageError('Say who: a user id, an e-mail address, or none.');
    const assigneeId = words[1] === 'none' ? null : await findUserId(client, words[1]);
    const { ticket } = await client.call(ticketStaffRoutes.updateTicket, {
      params,
      body: { assignee_id: assigneeId },
    });
    return { json: ticket, text: renderTicket(ticket) };
  },
});
