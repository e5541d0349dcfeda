import { changeTicket, changeTickets, SYSTEM } from '../tickets/change-ticket.ts';
import { type DueTicket, findDueTickets, lockDueTicket } from '../tickets/ticket-repository.ts';
import type { TicketDeps } from '../tickets/types.ts';

const TICKETS_PER_LOOK = 100;

/** True: its clocks ran out, and this process wrote it down. */
const recordBreachesOf = (deps: TicketDeps, ticketId: string): Promise<boolean> =>
  changeTickets(deps, async (tools) => {
    // Whoever has it locked looks at its clocks anyway.
    if (!(await lockDueTicket(tools.trx, ticketId, deps.data.clock.now()))) return false;
    // What a change of a ticket begins with is what is wanted here.
    await changeTicket(deps, tools, { ticketId, actor: SYSTEM, decide: () => [] });
    return true;
  });

/**
 * Writes down which clocks ran out, at the times when they did, once each however many replicas look. A transaction for
 * each ticket: nobody who opens tickets waits long for its feed, and one that cannot be written does not keep out the rest.
 *
 * @returns how many tickets
 */
export const recordBreaches = async (deps: TicketDeps, signal?: AbortSignal): Promise<number> => {
  const { data } = deps;
  const now = data.clock.now();
  let after: DueTicket | null = null;
  let recorded = 0;
  while (signal?.aborted !== true) {
    const due: readonly DueTicket[] = await findDueTickets(data.db, now, { after, limit: TICKETS_PER_LOOK });
    for (const { id } of due) {
      if (signal?.aborted) break;
      try {
        if (await recordBreachesOf(deps, id)) recorded += 1;
      } catch (error) {
        data.log.warn(
          { err: error, ticketId: id },
          'A broken promise could not be recorded; it is tried again',
        );
      }
    }
    after = due.at(-1) ?? null;
    if (due.length < TICKETS_PER_LOOK) break;
  }
  return recorded;
};
