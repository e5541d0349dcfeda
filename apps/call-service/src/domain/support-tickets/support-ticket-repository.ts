import type { Schemas } from '@switchboard/db';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Executor } from '../database.ts';

type Table = Schemas['calls']['call_support_tickets'];

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

/** Those of a call, oldest first. There are few: they are limited. */
export const readSupportTickets = (
  executor: Executor,
  callId: string,
): Promise<readonly Pick<Selectable<Table>, 'ticket_id' | 'created_at'>[]> =>
  executor
    .selectFrom('call_support_tickets')
    .select(['ticket_id', 'created_at'])
    .where('call_id', '=', callId)
    .orderBy('created_at')
    .orderBy('ticket_id')
    .execute();
