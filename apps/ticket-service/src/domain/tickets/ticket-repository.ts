import { AppError } from '@switchboard/contracts';
import { sql } from 'kysely';
import type { Executor } from '../database.ts';
import type { NewTicket, Ticket } from './types.ts';

export const TICKET_COLUMNS = [
  'id',
  'number',
  'token_id',
  'integration_source',
  'call_id',
  'title',
  'description',
  'status',
  'priority',
  'category',
  'metadata',
  'version',
  'assignee_id',
  'assignee_name',
  'created_at',
  'updated_at',
  'resolved_at',
  'closed_at',
  'sla_running_since',
  'sla_used_ms',
  'first_response_target_ms',
  'first_response_due_at',
  'first_responded_at',
  'first_response_breached_at',
  'resolution_target_ms',
  'resolution_due_at',
  'resolution_breached_at',
] as const satisfies readonly (keyof Ticket)[];

/** Every column of a ticket but those that are made of others. */
export const selectTickets = (executor: Executor) => executor.selectFrom('tickets').select(TICKET_COLUMNS);

/** Which ticket is meant; with a token, only if it is one of that token. */
export interface TicketKey {
  readonly ticketId: string;
  /** Undefined: whoever asks may see all. */
  readonly tokenId?: string | undefined;
}

const byKey = (executor: Executor, { ticketId, tokenId }: TicketKey) => {
  const found = selectTickets(executor).where('id', '=', ticketId);
  return tokenId === undefined ? found : found.where('token_id', '=', tokenId);
};

/** Throws TICKET_NOT_FOUND, for a ticket of another token too. */
export const findTicket = async (executor: Executor, key: TicketKey): Promise<Ticket> => {
  const ticket = await byKey(executor, key).executeTakeFirst();
  if (!ticket) throw new AppError('TICKET_NOT_FOUND');
  return ticket;
};

/** The same, and nobody else changes it before the transaction ends. */
export const lockTicket = async (executor: Executor, key: TicketKey): Promise<Ticket> => {
  const ticket = await byKey(executor, key).forNoKeyUpdate().executeTakeFirst();
  if (!ticket) throw new AppError('TICKET_NOT_FOUND');
  return ticket;
};

/** Inserts tickets; what has the id of one that is there is left out. Gives those that are new, in their order. */
export const insertTickets = async (
  executor: Executor,
  tickets: readonly NewTicket[],
): Promise<readonly Ticket[]> => {
  if (tickets.length === 0) return [];
  return await executor
    .insertInto('tickets')
    .values([...tickets])
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning(TICKET_COLUMNS)
    .execute();
};

/** Writes what differs. */
export const updateTicket = async (
  executor: Executor,
  id: string,
  changes: Partial<Omit<Ticket, 'id' | 'number' | 'metadata'>> & { readonly metadata?: string },
): Promise<void> => {
  await executor.updateTable('tickets').set(changes).where('id', '=', id).execute();
};

/** A ticket of which a clock ran out. */
export interface DueTicket {
  readonly id: string;
  readonly dueAt: Date;
}

/** Tickets of which a clock ran out that nobody has recorded, those that wait longest first. */
export const findDueTickets = async (
  executor: Executor,
  now: Date,
  { after, limit }: { readonly after: DueTicket | null; readonly limit: number },
): Promise<readonly DueTicket[]> => {
  const found = await sql<DueTicket>`
    SELECT id, sla_next_due_at AS "dueAt" FROM tickets.tickets
    WHERE sla_next_due_at <= ${now}
      ${after ? sql`AND (sla_next_due_at, id) > (${after.dueAt}, ${after.id})` : sql``}
    ORDER BY sla_next_due_at, id LIMIT ${limit}`.execute(executor);
  return found.rows;
};

/** Locks one of them; false where somebody has it, or recorded it meanwhile. */
export const lockDueTicket = async (trx: Executor, id: string, now: Date): Promise<boolean> => {
  const found = await sql`
    SELECT id FROM tickets.tickets WHERE id = ${id} AND sla_next_due_at <= ${now}
    FOR NO KEY UPDATE SKIP LOCKED`.execute(trx);
  return found.rows.length > 0;
};
