import type { WebhooksSchema } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type Insertable, type Kysely, sql, type Updateable } from 'kysely';
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

/** One that is to go on now; those that another dispatcher works on are passed over. */
export const lockDueReplay = (executor: Executor, now: Date): Promise<Replay | undefined> =>
  executor
    .selectFrom('webhook_replays')
    .selectAll()
    .where('status', '=', 'running')
    .where('next_at', '<=', now)
    .orderBy('next_at')
    .limit(1)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst();

export const lockReplay = (executor: Executor, id: string): Promise<Replay | undefined> =>
  executor.selectFrom('webhook_replays').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst();

export const updateReplay = (
  executor: Executor,
  id: string,
  changes: Updateable<WebhooksSchema['webhook_replays']>,
): Promise<Replay> =>
  executor
    .updateTable('webhook_replays')
    .set(changes)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
