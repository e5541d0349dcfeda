import type { Schemas } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Executor } from '../database.ts';

type Table = Schemas['tickets']['ticket_comments'];
export type Comment = Selectable<Table>;

export const insertComment = async (trx: Executor, comment: Insertable<Table>): Promise<void> => {
  await trx.insertInto('ticket_comments').values(comment).execute();
};

/** Comments of a ticket newest first, one more than `limit` when there are more. */
export const readComments = async (
  executor: Executor,
  ticketId: string,
  page: { readonly withInternal: boolean; readonly limit: number; readonly after: Position | null },
): Promise<readonly Comment[]> => {
  let found = executor.selectFrom('ticket_comments').selectAll().where('ticket_id', '=', ticketId);
  if (!page.withInternal) found = found.where('is_internal', '=', false);
  if (page.after) {
    found = found.where(sql<boolean>`(created_at, id) < (${page.after.createdAt}, ${page.after.id})`);
  }
  return await found
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
};
