import { ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, UsageError } from '../../command.ts';

export const commentTicket = apiCommand({
  name: 'tickets comment',
  summary: 'Answer on a ticket, or leave an internal note',
  usage: '<ticket id> <words> [options]',
  help: ['--internal   a note that never leaves through the tickets surface'],
  options: { internal: { type: 'boolean' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 2);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const content = words[1];
    if (content === undefined) throw new UsageError('Say what: the words are missing.');
    const body = { content, is_internal: options.internal === true };
    const { comment } = await client.call(ticketStaffRoutes.addComment, { params, body });
    const what = comment.is_internal ? 'An internal note' : 'A comment';
    return { json: comment, text: `${what} was added: ${comment.id}` };
  },
});
