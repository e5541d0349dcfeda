import { ticketPriorities, ticketStaffRoutes, ticketStatuses } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, textOption } from '../../command.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderMinute, renderTable } from '../../table.ts';
import { findUserId } from '../users/find-user.ts';
import { oneOf } from './fields.ts';
import { renderDue } from './render.ts';

export const listTickets = apiCommand({
  name: 'tickets list',
  summary: 'Show the tickets of all tokens, newest first, or search them',
  usage: '[options]',
  help: [
    '--search <words>            those whose title, category or description has these words, best first',
    `--status ${ticketStatuses.join('|')}`,
    `--priority ${ticketPriorities.join('|')}`,
    '--category <category>',
    '--assignee <who>|none       user id or e-mail address; none: nobody has them in hand',
    '--token <token id>          only those that this integration token opened',
    '--call <call id>            only those of this call',
    '--breached                  only those of which a clock ran out',
    '--limit <n>                 default 100',
  ],
  options: {
    search: { type: 'string' },
    status: { type: 'string' },
    priority: { type: 'string' },
    category: { type: 'string' },
    assignee: { type: 'string' },
    token: { type: 'string' },
    call: { type: 'string' },
    breached: { type: 'boolean' },
    limit: { type: 'string' },
  },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const limit = readLimit(options);
    const status = oneOf(ticketStatuses, textOption(options, 'status'), 'status');
    const priority = oneOf(ticketPriorities, textOption(options, 'priority'), 'priority');
    const assignee = textOption(options, 'assignee');
    const query = {
      q: textOption(options, 'search'),
      status,
      priority,
      category: textOption(options, 'category'),
      assignee_id:
        assignee === undefined || assignee === 'none' ? assignee : await findUserId(client, assignee),
      token_id: textOption(options, 'token'),
      call_id: textOption(options, 'call'),
      sla: options.breached ? ('breached' as const) : undefined,
    };
    const tickets = await readPages(limit, async (page) => {
      const found = await client.call(ticketStaffRoutes.listTickets, { query: { ...query, ...page } });
      return { rows: found.tickets, next_cursor: found.next_cursor };
    });
    if (tickets.length === 0) return { json: tickets, text: 'No tickets.' };
    return {
      json: tickets,
      text: renderTable(
        ['TICKET ID', 'OPENED', 'STATUS', 'PRIORITY', 'ASSIGNEE', 'DUE', 'TITLE'],
        tickets.map((ticket) => [
          ticket.id,
          renderMinute(ticket.created_at, ''),
          ticket.status,
          ticket.priority,
          ticket.assignee ? (ticket.assignee.name ?? ticket.assignee.id) : 'nobody',
          renderDue(ticket),
          ticket.title,
        ]),
      ),
    };
  },
});
