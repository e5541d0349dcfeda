import type { TicketPriority } from '@switchboard/contracts';
import type { Ticket } from '../tickets/types.ts';
import type { SlaPolicy } from './policy.ts';

type Clocks = Pick<
  Ticket,
  | 'sla_running_since'
  | 'sla_used_ms'
  | 'first_response_target_ms'
  | 'first_response_due_at'
  | 'resolution_target_ms'
  | 'resolution_due_at'
>;

/** Those who wait for somebody else, and those who have what they want, count no time. */
const RUNNING: ReadonlySet<string> = new Set(['open', 'in_progress']);

/**
 * The clocks of a ticket from now on. Both count the same business time, since the ticket was opened, while it is neither
 * waiting nor resolved; what they may count to follows from its priority. One that ran out stays at the time when it did:
 * a promise is broken once, whatever becomes of the ticket.
 */
export const clocksFrom = (
  { calendar, targets }: SlaPolicy,
  ticket: Pick<
    Ticket,
    | 'status'
    | 'priority'
    | 'first_responded_at'
    | 'first_response_breached_at'
    | 'resolution_breached_at'
    | 'sla_running_since'
    | 'sla_used_ms'
  >,
  now: Date,
): Clocks => {
  const { firstResponseMs, resolutionMs } = targets[ticket.priority as TicketPriority];
  const since = ticket.sla_running_since;
  const usedMs = ticket.sla_used_ms + (since ? calendar.between(since, now) : 0);
  const isRunning = RUNNING.has(ticket.status);
  const dueAt = (targetMs: number | null, breachedAt: Date | null): Date | null => {
    if (!isRunning) return null;
    if (breachedAt) return breachedAt;
    return targetMs === null ? null : calendar.add(now, Math.max(0, targetMs - usedMs));
  };
  return {
    sla_running_since: isRunning ? now : null,
    sla_used_ms: usedMs,
    first_response_target_ms: firstResponseMs,
    first_response_due_at: ticket.first_responded_at
      ? null
      : dueAt(firstResponseMs, ticket.first_response_breached_at),
    resolution_target_ms: resolutionMs,
    resolution_due_at: dueAt(resolutionMs, ticket.resolution_breached_at),
  };
};

/** A clock that has run out and of which nobody knows yet. */
export interface Breach {
  readonly clock: 'first_response' | 'resolution';
  readonly dueAt: Date;
  readonly columns: Partial<Pick<Ticket, 'first_response_breached_at' | 'resolution_breached_at'>>;
}

/** The clocks of a ticket that ran out until now, in the order in which they did. At its due time one has run out. */
export const breachesAt = (ticket: Ticket, now: Date): readonly Breach[] => {
  const breaches: Breach[] = [];
  const { first_response_due_at: firstDue, resolution_due_at: resolutionDue } = ticket;
  if (firstDue && firstDue <= now && !ticket.first_responded_at && !ticket.first_response_breached_at) {
    breaches.push({
      clock: 'first_response',
      dueAt: firstDue,
      columns: { first_response_breached_at: firstDue },
    });
  }
  if (resolutionDue && resolutionDue <= now && !ticket.resolution_breached_at) {
    breaches.push({
      clock: 'resolution',
      dueAt: resolutionDue,
      columns: { resolution_breached_at: resolutionDue },
    });
  }
  return breaches.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
};
