import { ticketStaffRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords } from '../../command.ts';
import { indented, renderMinute } from '../../table.ts';
import { renderTicket } from './render.ts';

const COMMENTS_SHOWN = 20;

export const showTicket = apiCommand({
  name: 'tickets show',
  summary: 'Show one ticket with its clocks, its files and its newest comments, internal notes too',
  usage: '<ticket id> [options]',
  help: [],
  options: {},
  async run({ words, client }) {
    refuseMoreWords(words, 1);
    const params = { ticket_id: readId(words[0], 'ticket id') };
    const { ticket } = await client.call(ticketStaffRoutes.getTicket, { params });
    const query = { limit: COMMENTS_SHOWN };
    const { comments, next_cursor } = await client.call(ticketStaffRoutes.listComments, { params, query });
    const { attachments } = await client.call(ticketStaffRoutes.listAttachments, { params });
    const files = attachments.flatMap(({ file_name, content_type, size_bytes, url }) => [
      indented(`File: ${file_name} (${content_type}, ${size_bytes} bytes)`, 4),
      `    ${url}`,
    ]);
    const said = comments.map(({ created_at, author, is_internal, content }) =>
      indented(
        `${renderMinute(created_at, '')}  ${author}${is_internal ? ' (internal)' : ''}: ${content}`,
        4,
      ),
    );
    const older =
      next_cursor === null ? [] : [`Older comments: GET /api/admin/v1/tickets/${ticket.id}/comments`];
    return {
      json: { ticket, attachments, comments },
      text: [renderTicket(ticket), ...files, ...said, ...older].join('\n'),
    };
  },
});
