import type { WebhooksSchema } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type Insertable, type Kysely, sql } from 'kysely';
import type { Replay } from './types.ts';

type Executor = Pick<Kysely<WebhooksSchema>, 'selectFrom' | 'insertInto' | 'updateTable'>;

export const insertReplay = (
  executor: Executor,
  row: Insertable<WebhooksSchema['webhook_replays']>,
): Promise<Replay> =>
  executor.insertInto('webhook_replays').values(row).returningAll().executeTakeFirstOrThrow();

export const findReplay = (executor: Executor, id: string): Promise<Replay | undefined> =>
  executor.selectFrom('webhook_replays').selectAll().where('id', '=', id).executeTakeFirst();

/** Newest first, one more than `limit` when there are more. */
export const listReplays = (
  executor: Executor,
  { endpointId }: { readonly endpointId: string | null },
  { limit, after }: { readonly limit: number; readonly after: Position | null },
): Promise<Replay[]> => {
  let rows = executor.selectFrom('webhook_replays').selectAll();
  if (endpointId) rows = rows.where('endpoint_id', '=', endpointId);
  if (after) rows = rows.where(sql<boolean>`(created_at, id) < (${after.createdAt}, ${after.id})`);
  return rows
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
};
