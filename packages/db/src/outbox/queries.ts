import type { PublishAck } from '@switchboard/bus';
import { type QueryExecutorProvider as Executor, sql } from 'kysely';
import type { OutboxRow } from './envelope-text.ts';

// Stored (compressed) size of what one transaction publishes: large events leave in small batches.
const BATCH_BYTES_MAX = 4_000_000;

export const hasWaiting = async (db: Executor): Promise<boolean> => {
  const found = await sql`
    select 1 from outbox where published_at is null and failed_at is null order by position limit 1`.execute(
    db,
  );
  return found.rows.length > 0;
};

/**
 * Claims the oldest rows that wait, until the transaction ends. Rows that another relay holds are passed over; never
 * "all after the last one", because positions are given before commits.
 */
export const claimRows = async (trx: Executor, rowsMax: number): Promise<OutboxRow[]> => {
  const claimed = await sql<OutboxRow>`
    with held as (
      select id, position, pg_column_size(data) as bytes from outbox
      where published_at is null and failed_at is null
      order by position limit ${rowsMax}
      for update skip locked
    ), sized as (
      select id, position, bytes, sum(bytes) over (order by position) as total from held
    )
    select o.id, o.subject, o.type, o.data::text as data, o.traceparent, o.created_at
    from sized join outbox o using (id)
    where sized.total - sized.bytes < ${BATCH_BYTES_MAX}
    order by sized.position`.execute(trx);
  return claimed.rows;
};

export interface PublishedRow {
  readonly id: string;
  readonly ack: PublishAck;
  readonly streamCreated: string;
}

export const markPublished = async (
  trx: Executor,
  rows: readonly PublishedRow[],
  now: Date,
): Promise<void> => {
  if (rows.length === 0) return;
  await sql`
    update outbox set
      published_at = ${now}, first_published_at = coalesce(first_published_at, ${now}),
      stream = acked.stream, stream_created = acked.stream_created, stream_sequence = acked.stream_sequence
    from unnest(
      ${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.ack.stream)}::text[],
      ${rows.map((row) => row.streamCreated)}::text[], ${rows.map((row) => row.ack.sequence)}::bigint[]
    ) as acked (id, stream, stream_created, stream_sequence)
    where outbox.id = acked.id`.execute(trx);
};

export const markFailed = async (trx: Executor, id: string, error: string, now: Date): Promise<void> => {
  await sql`update outbox set failed_at = ${now}, error = ${error} where id = ${id}`.execute(trx);
};

/** The highest number that rows have in this store of a stream; 0 when there is none. */
export const lastPublished = async (
  db: Executor,
  stream: { readonly name: string; readonly createdAt: string },
): Promise<number> => {
  const found = await sql<{ last: number | null }>`
    select max(stream_sequence) as last from outbox
    where published_at is not null and stream = ${stream.name} and stream_created = ${stream.createdAt}`.execute(
    db,
  );
  return found.rows[0]?.last ?? 0;
};

/**
 * Lets rows wait again that were published into a store of this stream that is gone: made at another time, or cut
 * back behind them (a machine that lost power). Gives how many of at most `rowsMax`.
 *
 * @param stream.lastPublished read before `lastSequence`: what was published since is not lost
 */
export const unpublishLost = async (
  db: Executor,
  stream: {
    readonly name: string;
    readonly createdAt: string;
    readonly lastSequence: number;
    readonly lastPublished: number;
  },
  rowsMax: number,
): Promise<number> => {
  const { name, createdAt, lastSequence } = stream;
  const found = await sql`
    update outbox set published_at = null
    where id in (
      select id from outbox
      where published_at is not null and stream = ${name}
        and (stream_created < ${createdAt} or stream_created > ${createdAt}
          or (stream_created = ${createdAt} and stream_sequence > ${lastSequence}
            and stream_sequence <= ${stream.lastPublished}))
      order by position limit ${rowsMax}
      for update skip locked
    )`.execute(db);
  return Number(found.numAffectedRows ?? 0);
};

export interface PlacedRow {
  readonly id: string;
  readonly sequence: number;
}

/** Rows of this store of a stream that are nearest to its end, from `upTo` backwards: `rowsMax`, and all of the last number. */
export const publishedBefore = async (
  db: Executor,
  stream: { readonly name: string; readonly createdAt: string; readonly upTo: number },
  rowsMax: number,
): Promise<PlacedRow[]> => {
  const found = await sql<PlacedRow>`
    select id, stream_sequence as sequence from outbox
    where published_at is not null and stream = ${stream.name} and stream_created = ${stream.createdAt}
      and stream_sequence <= ${stream.upTo}
    order by stream_sequence desc fetch first ${rowsMax} rows with ties`.execute(db);
  return found.rows;
};

/** Lets these rows wait again, unless somebody did so since they were read. Gives how many. */
export const unpublishRows = async (db: Executor, rows: readonly PlacedRow[]): Promise<number> => {
  const done = await sql`
    update outbox set published_at = null
    where id in (
      select id from outbox
      where published_at is not null and (id, stream_sequence) in (
        select * from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.sequence)}::bigint[]))
      order by position
      for update skip locked
    )`.execute(db);
  return Number(done.numAffectedRows ?? 0);
};

export const hasPublishedTo = async (db: Executor, stream: string): Promise<boolean> => {
  const found =
    await sql`select 1 from outbox where published_at is not null and stream = ${stream} limit 1`.execute(db);
  return found.rows.length > 0;
};

export interface OutboxFigures {
  readonly waiting: number;
  readonly oldest: Date | null;
  readonly failed: number;
}

// Counting a long queue would cost more than the number is worth.
const COUNTED_MAX = 100_000;

export const readFigures = async (db: Executor): Promise<OutboxFigures> => {
  const found = await sql<OutboxFigures>`
    select
      (select count(*) from (
        select 1 from outbox where published_at is null and failed_at is null limit ${COUNTED_MAX}) as rows) as waiting,
      (select created_at from outbox where published_at is null and failed_at is null order by position limit 1) as oldest,
      (select count(*) from (select 1 from outbox where failed_at is not null limit ${COUNTED_MAX}) as rows) as failed`.execute(
    db,
  );
  return found.rows[0] ?? { waiting: 0, oldest: null, failed: 0 };
};
