import type { ticketStaffRoutes } from '@switchboard/contracts';
import type { CallAnswer } from '../../api/client.ts';
import { renderFields, renderMinute } from '../../table.ts';

type Ticket = CallAnswer<typeof ticketStaffRoutes.getTicket>['ticket'];
type Clock = Ticket['sla']['resolution'];

const clockInWords = ({
  target_minutes: target,
  due_at: due,
  met_at: met,
  breached_at: breached,
}: Clock): string => {
  const late = breached === null ? '' : `, ran out ${renderMinute(breached, '')}`;
  if (met !== null) return `met ${renderMinute(met, '')}${late}`;
  if (breached !== null) return `ran out ${renderMinute(breached, '')}`;
  if (due !== null) return `due ${renderMinute(due, '')}`;
  return target === null ? 'nothing promised' : 'stands still';
};

/** When somebody has to do something next, in a table. */
export const renderDue = ({ sla }: Ticket): string => {
  const clocks = [sla.first_response, sla.resolution];
  if (clocks.some(({ breached_at }) => breached_at !== null)) return 'ran out';
  const dues = clocks.flatMap(({ due_at }) => due_at ?? []).toSorted();
  return renderMinute(dues[0] ?? null, '');
};

export const renderTicket = (ticket: Ticket): string =>
  renderFields([
    ['ticket id', ticket.id],
    ['title', ticket.title],
    ['description', ticket.description ?? ''],
    ['status', ticket.status],
    ['priority', ticket.priority],
    ['category', ticket.category ?? ''],
    ['assignee', ticket.assignee ? (ticket.assignee.name ?? ticket.assignee.id) : 'nobody'],
    ['opened', `${renderMinute(ticket.created_at, '')} by ${ticket.integration_source}`],
    ['call', ticket.call_id ?? 'none'],
    ['first response', clockInWords(ticket.sla.first_response)],
    ['resolution', clockInWords(ticket.sla.resolution)],
  ]);
