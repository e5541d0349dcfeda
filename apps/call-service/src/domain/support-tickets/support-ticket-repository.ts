import type { Schemas } from '@switchboard/db';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Executor } from '../database.ts';

type Table = Schemas['calls']['call_support_tickets'];
type State = Schemas['calls']['call_support_ticket_states'];

/** A ticket that was opened about a call, and how far it is. */
export type SupportTicket = Pick<Selectable<Table>, 'ticket_id' | 'created_at'> &
  Pick<Selectable<State>, 'status'>;

/** Any text, always the same: keeps these locks apart from others. */
const OPENINGS = 'support tickets of calls';

/**
 * Support tickets of a call that are opened at once are opened one after another from here to the end of the transaction.
 * Not a lock of the call's row: what happens in the call goes on meanwhile.
 */
export const lockOpenings = async (trx: Executor, callId: string): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${callId}, hashtext(${OPENINGS})))`.execute(trx);
};

export const insertSupportTicket = async (trx: Executor, ticket: Insertable<Table>): Promise<void> => {
  await trx.insertInto('call_support_tickets').values(ticket).execute();
};

/** Those of a call, oldest first. There are few: they are limited. One that ticket-service has said nothing of is open. */
export const readSupportTickets = (executor: Executor, callId: string): Promise<readonly SupportTicket[]> =>
  executor
    .selectFrom('call_support_tickets as opened')
    .leftJoin('call_support_ticket_states as state', (join) =>
      join.onRef('state.call_id', '=', 'opened.call_id').onRef('state.ticket_id', '=', 'opened.ticket_id'),
    )
    .select(({ fn, val }) => [
      'opened.ticket_id',
      'opened.created_at',
      fn.coalesce('state.status', val<SupportTicket['status']>('open')).as('status'),
    ])
    .where('opened.call_id', '=', callId)
    .orderBy('opened.created_at')
    .orderBy('opened.ticket_id')
    .execute();

/**
 * Keeps how far a ticket is, unless something newer is known. Changes of a ticket can have the same time, in one transaction or
 * by replicas whose clocks differ: of these the one that begins where the known one ended comes after it.
 *
 * @param previousStatus of a change of status
 */
export const recordTicketState = async (
  trx: Executor,
  { call_id, ticket_id, status, updated_at }: Insertable<State>,
  previousStatus: State['status'] | undefined,
): Promise<void> => {
  // Of a call that is not there nothing is kept: it will not come.
  await sql`
    INSERT INTO calls.call_support_ticket_states AS known (call_id, ticket_id, status, updated_at)
    SELECT id, ${ticket_id}::uuid, ${status}, ${updated_at}::timestamptz FROM calls.calls WHERE id = ${call_id}::uuid
    ON CONFLICT (call_id, ticket_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at
    WHERE known.updated_at < excluded.updated_at
      OR (known.updated_at = excluded.updated_at AND known.status = ${previousStatus ?? null})`.execute(trx);
};
