import { AppError } from '@switchboard/contracts';
import type { Schemas } from '@switchboard/db';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Executor } from '../database.ts';

export type Attachment = Selectable<Schemas['tickets']['ticket_attachments']>;

const selectAttachments = (executor: Executor) => executor.selectFrom('ticket_attachments').selectAll();

export const insertAttachment = async (
  executor: Executor,
  row: Insertable<Schemas['tickets']['ticket_attachments']>,
): Promise<void> => {
  await executor.insertInto('ticket_attachments').values(row).execute();
};

/** How many a ticket has. Exact for whoever holds the lock of the ticket. */
export const countStored = async (executor: Executor, ticketId: string): Promise<number> => {
  const { count } = await executor
    .selectFrom('ticket_attachments')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('ticket_id', '=', ticketId)
    .where('status', '=', 'stored')
    .executeTakeFirstOrThrow();
  return Number(count);
};

/** Makes a pending one, whose bytes are there, one of its ticket. Throws when it was given up meanwhile. */
export const markStored = async (executor: Executor, id: string, createdAfter: Date): Promise<Attachment> => {
  const row = await executor
    .updateTable('ticket_attachments')
    .set({ status: 'stored' })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .where('created_at', '>', createdAfter)
    .returningAll()
    .executeTakeFirst();
  if (!row) throw new AppError('SERVICE_UNAVAILABLE', { message: 'The upload took too long: send it again' });
  return row;
};

export const listStored = (executor: Executor, ticketId: string): Promise<Attachment[]> =>
  selectAttachments(executor)
    .where('ticket_id', '=', ticketId)
    .where('status', '=', 'stored')
    .orderBy('created_at')
    .orderBy('id')
    .execute();

/** With the token of its ticket; null where no token opened it. */
export const findStored = (
  executor: Executor,
  id: string,
): Promise<(Attachment & { readonly token_id: string | null }) | undefined> =>
  executor
    .selectFrom('ticket_attachments')
    .innerJoin('tickets', 'tickets.id', 'ticket_attachments.ticket_id')
    .selectAll('ticket_attachments')
    .select('tickets.token_id')
    .where('ticket_attachments.id', '=', id)
    .where('ticket_attachments.status', '=', 'stored')
    .executeTakeFirst();

/** A pending one, and nobody marks it stored before the transaction ends. */
export const lockPending = (executor: Executor, id: string): Promise<Attachment | undefined> =>
  selectAttachments(executor)
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .forUpdate()
    .executeTakeFirst();

export interface PendingUpload {
  readonly id: string;
  readonly createdAt: Date;
}

/** Uploads that began before a time, oldest first, from behind one of them. */
export const listPendingBefore = async (
  executor: Executor,
  before: Date,
  { after, limit }: { readonly after: PendingUpload | null; readonly limit: number },
): Promise<readonly PendingUpload[]> => {
  let found = executor
    .selectFrom('ticket_attachments')
    .select(['id', 'created_at as createdAt'])
    .where('status', '=', 'pending')
    .where('created_at', '<', before);
  if (after) found = found.where(sql<boolean>`(created_at, id) > (${after.createdAt}, ${after.id})`);
  return found.orderBy('created_at').orderBy('id').limit(limit).execute();
};

export const deleteAttachment = async (executor: Executor, id: string): Promise<void> => {
  await executor.deleteFrom('ticket_attachments').where('id', '=', id).execute();
};
