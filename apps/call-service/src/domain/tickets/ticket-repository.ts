import type { Schemas } from '@switchboard/db';
import { type Insertable, sql } from 'kysely';
import type { Executor } from '../database.ts';

type Tables = Schemas['calls'];

/** Keeps a ticket; of one that is there already, its new end. */
export const keepTicket = async (
  executor: Executor,
  ticket: Insertable<Tables['call_tickets']>,
): Promise<void> => {
  await executor
    .insertInto('call_tickets')
    .values(ticket)
    .onConflict((conflict) =>
      conflict.column('ticket_hash').doUpdateSet({ expires_at: (eb) => eb.ref('excluded.expires_at') }),
    )
    .execute();
};

/** A ticket with the account of its call. */
export const findTicket = (executor: Executor, ticketHash: string) =>
  executor
    .selectFrom('call_tickets')
    .innerJoin('calls', 'calls.id', 'call_tickets.call_id')
    .select(['call_tickets.id', 'call_tickets.call_id', 'call_tickets.expires_at', 'calls.account_id'])
    .where('ticket_hash', '=', ticketHash)
    .executeTakeFirst();

/** Counts one more use of a ticket that is still good. Gives the number of the use, undefined when it is not. */
export const countUse = async (executor: Executor, id: string, now: Date): Promise<number | undefined> => {
  const used = await executor
    .updateTable('call_tickets')
    .set((eb) => ({ uses: eb('uses', '+', 1), last_used_at: now }))
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .returning('uses')
    .executeTakeFirst();
  return used?.uses;
};

/** Moves the end of tickets of calls that are not over, where it comes before `dueBefore`. */
export const extendTickets = async (
  executor: Executor,
  ids: readonly string[],
  { dueBefore, expiresAt }: { readonly dueBefore: Date; readonly expiresAt: Date },
): Promise<void> => {
  // Those that another gateway moves at this moment are left to it.
  await sql`
    UPDATE calls.call_tickets SET expires_at = ${expiresAt} WHERE id IN (
      SELECT t.id FROM calls.call_tickets t JOIN calls.calls c ON c.id = t.call_id
      WHERE t.id = ANY(${ids}::uuid[]) AND t.expires_at < ${dueBefore} AND c.ended_at IS NULL
      FOR UPDATE OF t SKIP LOCKED
    )`.execute(executor);
};

/** Removes tickets that ended before, at most so many. Gives how many. */
export const deleteTickets = async (executor: Executor, endedBefore: Date, max: number): Promise<number> => {
  const deleted = await sql`
    DELETE FROM calls.call_tickets WHERE id IN (
      SELECT id FROM calls.call_tickets WHERE expires_at < ${endedBefore}
      ORDER BY expires_at LIMIT ${max} FOR UPDATE SKIP LOCKED
    )`.execute(executor);
  return Number(deleted.numAffectedRows ?? 0);
};
