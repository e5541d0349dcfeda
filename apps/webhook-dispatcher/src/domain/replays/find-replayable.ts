import { replayFilterSchema } from '@switchboard/contracts';
import { type RawBuilder, sql } from 'kysely';
import type { Executor } from '../deliveries/executor.ts';
import { all, type Narrowing, narrow, narrowByIndex } from '../deliveries/narrow-deliveries.ts';
import type { Replay, ReplayFilter } from './types.ts';

/** A replay that would have to look at more than this is refused: counting 60,000 took 0.15 to 0.25 s on two busy cores. */
export const COUNTED_ROWS_MAX = 1_000_000;

const SHUT_ENDPOINT = sql`EXISTS (
  SELECT FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND (e.status = 'disabled' OR e.deleted_at IS NOT NULL)
)`;

const date = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text));

const ANY: Narrowing = {
  status: null,
  endpointId: null,
  owner: null,
  eventType: null,
  messageId: null,
  from: null,
  to: null,
};

/**
 * One search for each status that is rare and has an index of its own; a single one over everything where the
 * deliveries that arrived are wanted too.
 */
const searchesOf = (filter: ReplayFilter): readonly Narrowing[] => {
  const search = {
    ...ANY,
    endpointId: filter.endpoint_id ?? null,
    owner: filter.owner ?? null,
    eventType: filter.event_type ?? null,
    from: date(filter.from),
    to: date(filter.to),
  };
  const statuses = [...new Set(filter.statuses)];
  return statuses.includes('succeeded') ? [search] : statuses.map((status) => ({ ...search, status }));
};

/** Throws for a replay of one delivery, which names that alone: nobody is to look for anything with it. */
const filterOf = (replay: Replay): ReplayFilter => replayFilterSchema.parse(replay.filter);

/** Of an endpoint's sequence; its index, or that of the time, whichever is narrower. */
const sequencesOf = (filter: ReplayFilter): RawBuilder<unknown>[] => [
  ...(filter.from_sequence === undefined ? [] : [sql`d.sequence >= ${filter.from_sequence}::bigint`]),
  ...(filter.to_sequence === undefined ? [] : [sql`d.sequence <= ${filter.to_sequence}::bigint`]),
];

/**
 * What a row must be beside what an index finds.
 *
 * @param asOf when the replay was made: what ended later is none of it, or a replay of what fails would never end
 */
const matches = (filter: ReplayFilter, search: Narrowing, asOf: Date): RawBuilder<unknown> =>
  all([
    ...narrow(search),
    sql`d.status IN (${sql.join(filter.statuses.map((status) => sql.lit(status)))})`,
    sql`d.created_at <= ${asOf}::timestamptz`,
    sql`(d.finished_at IS NULL OR d.finished_at <= ${asOf}::timestamptz)`,
    sql`NOT ${SHUT_ENDPOINT}`,
  ]);

export interface Replayable {
  readonly total: number;
  /** Of these, what they said is kept no longer. */
  readonly expired: number;
  readonly firstCreatedAt: Date | null;
  readonly lastCreatedAt: Date | null;
  /** There are more rows to look at than may be. */
  readonly isTooMany: boolean;
}

/**
 * Counts what a replay would send, by index. Where only what did not arrive is wanted it looks at nothing else; with
 * `succeeded` at every delivery of the endpoint, owner or event type in that time.
 *
 * @param bodiesSince what was accepted before is kept no longer
 */
export const countReplayable = async (
  executor: Executor,
  filter: ReplayFilter,
  asOf: Date,
  bodiesSince: Date,
): Promise<Replayable> => {
  const searches = searchesOf(filter).map(
    (search) => sql`
      (SELECT d.created_at, ${matches(filter, search, asOf)} AS matches FROM webhook_deliveries d
       WHERE ${all([...narrowByIndex(search), ...sequencesOf(filter)])} LIMIT ${COUNTED_ROWS_MAX + 1}::int)`,
  );
  const { rows } = await sql<Replayable & { examined: number }>`
    SELECT count(*)::int AS examined, count(*) FILTER (WHERE matches)::int AS total,
      count(*) FILTER (WHERE matches AND created_at <= ${bodiesSince}::timestamptz)::int AS expired,
      min(created_at) FILTER (WHERE matches) AS "firstCreatedAt",
      max(created_at) FILTER (WHERE matches) AS "lastCreatedAt"
    FROM (${sql.join(searches, sql` UNION ALL `)}) AS looked_at`.execute(executor);
  const [found] = rows;
  if (!found) throw new TypeError('a count gives a row');
  const { examined, ...counts } = found;
  return { ...counts, isTooMany: examined > COUNTED_ROWS_MAX };
};

export interface LookedAt {
  readonly id: string;
  readonly createdAt: Date;
  readonly matches: boolean;
  /** What it says is still there, and will be for a while. */
  readonly hasBody: boolean;
}

/**
 * What there is to send again behind the cursor of a replay, oldest first, and what lies between. Messages are probed one by
 * one: joined, they were read from end to end.
 */
export const listReplayable = async (
  executor: Executor,
  replay: Replay,
  rowsMax: number,
  bodiesSince: Date,
): Promise<readonly LookedAt[]> => {
  const filter = filterOf(replay);
  const { cursor_created_at, cursor_id, last_created_at, created_at } = replay;
  const searches = searchesOf(filter).map(
    (search) => sql`
      (SELECT d.id, d.created_at, d.message_id, ${matches(filter, search, created_at)} AS matches
       FROM webhook_deliveries d
       WHERE ${all([...narrowByIndex(search), ...sequencesOf(filter)])}
         AND (d.created_at, d.id) > (${cursor_created_at}::timestamptz, ${cursor_id}::uuid)
         AND d.created_at <= ${last_created_at}::timestamptz
       ORDER BY d.created_at, d.id LIMIT ${rowsMax}::int)`,
  );
  const { rows } = await sql<LookedAt>`
    SELECT next.id, next.created_at AS "createdAt", next.matches,
      next.matches AND (
        SELECT m.body IS NOT NULL AND m.created_at > ${bodiesSince}::timestamptz
        FROM webhook_messages m WHERE m.id = next.message_id
      ) AS "hasBody"
    FROM (
      SELECT * FROM (${sql.join(searches, sql` UNION ALL `)}) AS searched
      ORDER BY created_at, id LIMIT ${rowsMax}::int
    ) AS next
    ORDER BY next.created_at, next.id`.execute(executor);
  return rows;
};

/**
 * Locks those that still match: somebody may have sent them again meanwhile. In the order of ids, as everybody does who locks
 * deliveries that are over.
 */
export const lockReplayable = async (
  trx: Executor,
  replay: Replay,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  const { rows } = await sql<{ id: string }>`
    SELECT d.id FROM webhook_deliveries d
    WHERE d.id = ANY (${ids}::uuid[]) AND ${matches(filterOf(replay), ANY, replay.created_at)}
    ORDER BY d.id FOR NO KEY UPDATE`.execute(trx);
  return new Set(rows.map((row) => row.id));
};
