import type { Schemas } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type Selectable, sql } from 'kysely';
import type { Executor } from '../database.ts';

export type ChangeRow = Omit<
  Selectable<Schemas['tickets']['ticket_changes']>,
  'ticket_id' | 'token_id' | 'data'
>;

/** What happened to a ticket, newest first, one more than `limit` when there are more. */
export const readHistory = async (
  executor: Executor,
  ticketId: string,
  { limit, after }: { readonly limit: number; readonly after: Position | null },
): Promise<readonly ChangeRow[]> => {
  const found = executor
    .selectFrom('ticket_changes')
    .select(['id', 'type', 'sequence', 'actor_kind', 'actor_id', 'actor_name', 'details', 'created_at'])
    .where('ticket_id', '=', ticketId);
  const rest = after
    ? found.where(sql<boolean>`(created_at, id) < (${after.createdAt}, ${after.id})`)
    : found;
  return await rest
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
};
