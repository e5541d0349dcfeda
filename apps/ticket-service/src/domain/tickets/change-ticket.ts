import { toJson, transact } from '@switchboard/db';
import { breachesAt, clocksFrom } from '../sla/clocks.ts';
import { requireMatch } from './preconditions.ts';
import { recordChanges } from './record-changes.ts';
import { lockTicket, type TicketKey, updateTicket } from './ticket-repository.ts';
import type {
  Actor,
  Change,
  ChangeDetails,
  HistoryType,
  OutsideChange,
  Ticket,
  TicketDeps,
  TicketTools,
} from './types.ts';

/** Columns that are the business of `changeTicket`, or never change. */
type Kept =
  | 'id'
  | 'number'
  | 'token_id'
  | 'version'
  | 'updated_at'
  | 'created_at'
  | 'sla_running_since'
  | 'sla_used_ms'
  | 'first_response_due_at'
  | 'resolution_due_at';

/** One change that somebody wants, decided on the ticket as it is. */
export interface Edit {
  readonly set: Partial<Omit<Ticket, Kept>>;
  readonly type: HistoryType;
  readonly details: ChangeDetails;
  /** Null: it stays inside, and neither version nor updated_at moves. */
  readonly outside: OutsideChange | null;
}

export interface ChangeRequest extends TicketKey {
  readonly actor: Actor;
  /** As the header says it; compared with what `etag` makes of the ticket. */
  readonly ifMatch?: string | undefined;
  readonly etag?: (ticket: Ticket) => string;
  /** What to change, given what is so; an empty list changes nothing. It may refuse. */
  readonly decide: (before: Ticket, now: Date) => readonly Edit[];
}

/** Whatever happens by itself. */
export const SYSTEM: Actor = { kind: 'service', id: 'ticket-service', name: null };

/** Runs work that changes tickets in one transaction, and wakes those who wait for it after its commit. */
export const changeTickets = async <Result>(
  { data, feeds }: Pick<TicketDeps, 'data' | 'feeds'>,
  work: (tools: TicketTools) => Promise<Result>,
): Promise<Result> => {
  const touchedTokens = new Set<string>();
  const result = await transact(data, (tools) => {
    // A try that was broken off touched nothing.
    touchedTokens.clear();
    return work({ ...tools, touchedTokens });
  });
  feeds.wake(touchedTokens);
  return result;
};

const changesOf = (before: Ticket, after: Ticket) => {
  const differing = Object.entries(after).filter(
    ([column, value]) => value !== before[column as keyof Ticket],
  );
  const { metadata, ...columns } = Object.fromEntries(differing) as Partial<Ticket>;
  return { ...columns, ...(metadata === undefined ? {} : { metadata: toJson(metadata) }) };
};

/**
 * The only way in which a ticket that is there changes: under its lock, with clocks that ran out recorded first, and with a
 * change in its history for everything that happened.
 *
 * @returns the ticket as it is since, and the changes that were made
 * @throws TICKET_NOT_FOUND, PRECONDITION_FAILED, and whatever `decide` throws
 */
export const changeTicket = async (
  deps: Pick<TicketDeps, 'config' | 'data' | 'sla'>,
  tools: TicketTools,
  { actor, ifMatch, etag, decide, ...key }: ChangeRequest,
): Promise<Ticket> => {
  const { data, sla } = deps;
  const before = await lockTicket(tools.trx, key);
  if (etag) requireMatch(ifMatch, etag(before));
  // Clocks of replicas differ; time on a ticket does not run backwards.
  const now = new Date(Math.max(data.clock.now().getTime(), before.updated_at.getTime()));
  let ticket = before;
  const changes: Change[] = [];
  const apply = ({ set, type, details, outside }: Edit, by: Actor): void => {
    const moved = outside === null ? {} : { updated_at: now, version: ticket.version + 1 };
    const next = { ...ticket, ...set, ...moved };
    const movesClocks =
      next.status !== ticket.status ||
      next.priority !== ticket.priority ||
      next.first_responded_at !== ticket.first_responded_at;
    ticket = movesClocks
      ? { ...next, ...clocksFrom(sla, { ...next, sla_running_since: ticket.sla_running_since }, now) }
      : next;
    changes.push({ ticket, type, details, outside, actor: by, at: now });
  };
  for (const { clock, dueAt, columns } of breachesAt(before, now)) {
    const edit: Edit = {
      set: columns,
      type: 'sla_breached',
      details: { changes: { [`sla.${clock}.breached_at`]: { from: null, to: dueAt.toISOString() } } },
      outside: { type: 'ticket.sla_breached', data: { sla: { clock, due_at: dueAt.toISOString() } } },
    };
    apply(edit, SYSTEM);
  }
  for (const edit of decide(ticket, now)) apply(edit, actor);
  if (changes.length === 0) return ticket;
  const columns = changesOf(before, ticket);
  if (Object.keys(columns).length > 0) await updateTicket(tools.trx, ticket.id, columns);
  await recordChanges(deps, tools, changes);
  return ticket;
};
