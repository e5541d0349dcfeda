import type { TicketPriority } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import { changeTicket, changeTickets, type Edit } from '../tickets/change-ticket.ts';
import { fieldEdits } from '../tickets/edit-ticket.ts';
import { staffEtagOf } from '../tickets/ticket-answer.ts';
import type { Actor, Ticket, TicketDeps } from '../tickets/types.ts';
import { type Assignee, findAssignee } from './find-assignee.ts';

export interface StaffUpdate {
  readonly ticketId: string;
  readonly actor: Actor;
  readonly ifMatch: string | undefined;
  readonly priority?: TicketPriority | undefined;
  readonly category?: string | null | undefined;
  /** Null: nobody has it in hand any more. */
  readonly assigneeId?: string | null | undefined;
}

/** Who has a ticket in hand stays inside. */
const assignmentEdits = (before: Ticket, assignee: Assignee | null | undefined): readonly Edit[] => {
  if (assignee === undefined || before.assignee_id === (assignee?.id ?? null)) return [];
  const from = before.assignee_id === null ? null : { id: before.assignee_id, name: before.assignee_name };
  return [
    {
      set: { assignee_id: assignee?.id ?? null, assignee_name: assignee?.name ?? null },
      type: 'assigned',
      details: { changes: { assignee: { from, to: assignee } } },
      outside: null,
    },
  ];
};

/**
 * Gives a ticket to somebody, and changes how urgent it is and what it is about.
 *
 * @throws TICKET_NOT_FOUND, PRECONDITION_FAILED, INVALID_INPUT, SERVICE_UNAVAILABLE
 */
export const updateStaffTicket = async (
  deps: TicketDeps & Pick<Deps, 'bus'>,
  { ticketId, actor, ifMatch, priority, category, assigneeId }: StaffUpdate,
): Promise<Ticket> => {
  // Before the transaction: no lock waits for another service.
  const assignee = assigneeId ? await findAssignee(deps.bus, assigneeId) : assigneeId;
  return changeTickets(deps, (tools) =>
    changeTicket(deps, tools, {
      ticketId,
      actor,
      ifMatch,
      etag: staffEtagOf,
      decide: (before) => [
        ...fieldEdits(before, { priority, category }),
        ...assignmentEdits(before, assignee as Assignee | null | undefined),
      ],
    }),
  );
};
