import { type QueryExecutorProvider, sql } from 'kysely';

/**
 * Writes down, in the transaction of the effect, that a consumer handled an event. False: it did so before. Waits
 * while another transaction is about to.
 */
export const recordHandled = async (
  trx: QueryExecutorProvider,
  consumer: string,
  eventId: string,
  now: Date,
): Promise<boolean> => {
  const written = await sql`
    insert into inbox (consumer, event_id, handled_at) values (${consumer}, ${eventId}, ${now})
    on conflict do nothing returning 1`.execute(trx);
  return written.rows.length > 0;
};

export const wasHandled = async (
  db: QueryExecutorProvider,
  consumer: string,
  eventId: string,
): Promise<boolean> => {
  const found = await sql`select 1 from inbox where consumer = ${consumer} and event_id = ${eventId}`.execute(
    db,
  );
  return found.rows.length > 0;
};

/** The same for many events at once, in the order of their ids so that replicas cannot deadlock. Gives the new ones. */
export const recordAllHandled = async (
  trx: QueryExecutorProvider,
  consumer: string,
  eventIds: readonly string[],
  now: Date,
): Promise<Set<string>> => {
  const written = await sql<{ event_id: string }>`
    insert into inbox (consumer, event_id, handled_at)
    select ${consumer}, event_id, ${now}::timestamptz from unnest(${eventIds.toSorted()}::uuid[]) as event_id
    on conflict do nothing returning event_id`.execute(trx);
  return new Set(written.rows.map((row) => row.event_id));
};
