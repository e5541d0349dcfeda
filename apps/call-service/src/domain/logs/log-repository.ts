import { type CallStatus, callStatuses, callTypes } from '@switchboard/contracts';
import { escapePattern, patternOf } from '@switchboard/db';
import type { Position } from '@switchboard/service-kit';
import { type RawBuilder, type Sql, sql } from 'kysely';
import type { Call, Executor } from '../database.ts';
import type { LogFilter } from './log-filter.ts';
import type { Slice } from './slices.ts';

/** A page looks at no more calls than this for those that pass its filters; the next one goes on where it ended. */
export const EXAMINED_CALLS_MAX = 10_000;

type Condition = RawBuilder<Sql | unknown>;
const all = (conditions: readonly Condition[]): Condition => sql.join([...conditions], sql` AND `);
/**
 * A call that was found, and its place in the log. What people put into calls is read of those alone that are shown: those
 * that are passed over may be ten thousand, of 16 kB each.
 */
export type Place = Pick<Call, 'id' | 'started_at'>;

const newestFirst = sql`ORDER BY started_at DESC, id DESC`;

export const isActive = (status: CallStatus | null): boolean =>
  status === 'initializing' || status === 'ringing' || status === 'connected';

/** Of the account and the time that are asked for, behind a position. */
const inTime = ({ accountId, from, to }: LogFilter, after: Position | null): Condition[] => [
  sql`account_id = ${accountId}`,
  ...(from ? [sql`started_at >= ${from}`] : []),
  ...(to ? [sql`started_at < ${to}`] : []),
  // The first half says nothing new; it is what keeps an index scan from beginning at the top.
  ...(after
    ? [sql`started_at <= ${after.createdAt}`, sql`(started_at, id) < (${after.createdAt}, ${after.id})`]
    : []),
];

const passes = ({ callId, name, digits, status, callType }: LogFilter): Condition[] => [
  ...(callId === null ? [] : [sql`id = ${callId}`]),
  ...(name === null ? [] : [sql`name ILIKE ${patternOf(name)}`]),
  ...(digits === null ? [] : [sql`phone_digits = ${digits}`]),
  ...(status === null ? [] : [sql`status = ${status}`]),
  ...(callType === null ? [] : [sql`call_type = ${callType}`]),
];

/**
 * Every call that passes is a branch's, and each branch is one stretch of an index: no call is read that is not wanted. Those
 * of a status or a type are the few that are not over, and of those that are over a stretch for each status and type.
 */
const exactBranches = (filter: LogFilter, after: Position | null): Condition[] => {
  const { digits, status, callType } = filter;
  const where = inTime(filter, after);
  if (digits !== null) return [all([...where, sql`phone_digits = ${digits}`])];
  if (status === null && callType === null) return [all(where)];
  const over = (status === null ? callStatuses : [status]).filter((each) => !isActive(each));
  const stretches = over.flatMap((each) =>
    (callType === null ? callTypes : [callType]).map((type) =>
      all([...where, sql`outcome = ${each}`, sql`call_type = ${type}`]),
    ),
  );
  if (status !== null && !isActive(status)) return stretches;
  return [all([sql`ended_at IS NULL`, ...where, ...passes(filter)]), ...stretches];
};

/** Whether an index gives the calls that pass, and no others. */
export const isExact = ({ callId, name, digits, status, callType }: LogFilter): boolean =>
  callId === null && name === null && (digits === null || (status === null && callType === null));

/** Newest first, of filters that are exact. */
export const listExactly = async (
  executor: Executor,
  filter: LogFilter,
  page: { readonly after: Position | null; readonly skip: number; readonly limit: number },
): Promise<Call[]> => {
  const needed = page.skip + page.limit;
  const branches = exactBranches(filter, page.after).map(
    (where) => sql`(SELECT * FROM calls.calls WHERE ${where} ${newestFirst} LIMIT ${needed})`,
  );
  const found = await sql<Call>`
    SELECT * FROM (${sql.join(branches, sql` UNION ALL `)}) AS found
    ${newestFirst} LIMIT ${page.limit} OFFSET ${page.skip}`.execute(executor);
  return found.rows;
};

/** How many there are; counts no further than `max`. */
export const countExactly = async (executor: Executor, filter: LogFilter, max: number): Promise<number> => {
  const branches = exactBranches(filter, null).map(
    (where) => sql`(SELECT id FROM calls.calls WHERE ${where} ${newestFirst} LIMIT ${max})`,
  );
  const counted = await sql<{ calls: number }>`
    SELECT count(*)::int AS calls
    FROM (SELECT FROM (${sql.join(branches, sql` UNION ALL `)}) AS branches LIMIT ${max}) AS counted`.execute(
    executor,
  );
  return counted.rows[0]?.calls ?? 0;
};

/** The narrowest order to walk through. */
const examinedBy = (filter: LogFilter, after: Position | null): Condition =>
  all([
    ...inTime(filter, after),
    ...(filter.digits === null ? [] : [sql`phone_digits = ${filter.digits}`]),
    ...(isActive(filter.status) ? [sql`ended_at IS NULL`] : []),
  ]);

/** Of the next `examined` calls those that pass, newest first, and where looking ended when there is more behind it. */
export const walk = async (
  executor: Executor,
  filter: LogFilter,
  page: { readonly after: Position | null; readonly limit: number; readonly examined: number },
): Promise<{ readonly calls: Place[]; readonly end: Position | null }> => {
  const where = examinedBy(filter, page.after);
  const found = await sql<Place>`
    SELECT id, started_at FROM (SELECT * FROM calls.calls WHERE ${where} ${newestFirst} LIMIT ${page.examined}) AS examined
    WHERE ${all([...passes(filter), sql`true`])} ${newestFirst} LIMIT ${page.limit}`.execute(executor);
  if (found.rows.length === page.limit) return { calls: found.rows, end: null };
  const last = await sql<Position>`
    SELECT started_at AS "createdAt", id FROM calls.calls WHERE ${where} ${newestFirst}
    LIMIT 1 OFFSET ${page.examined - 1}`.execute(executor);
  return { calls: found.rows, end: last.rows[0] ?? null };
};

/** One call by its id. */
export const findOne = async (executor: Executor, filter: LogFilter): Promise<Place[]> => {
  const found = await sql<Place>`
    SELECT id, started_at FROM calls.calls WHERE ${all([...inTime(filter, null), ...passes(filter)])}`.execute(
    executor,
  );
  return found.rows;
};

/** Calls that were found, newest first. */
export const readFound = async (executor: Executor, places: readonly Place[]): Promise<Call[]> => {
  if (places.length === 0) return [];
  const found = await sql<Call>`
    SELECT * FROM calls.calls WHERE id = ANY(${places.map(({ id }) => id)}::uuid[]) ${newestFirst}`.execute(
    executor,
  );
  return found.rows;
};

/** Of the calls that are not over, which are few, those that pass. */
export const listActive = async (
  executor: Executor,
  filter: LogFilter,
  page: { readonly after: Position; readonly limit: number },
): Promise<Place[]> => {
  const found = await sql<Place>`
    SELECT id, started_at FROM (
      SELECT * FROM calls.calls WHERE ${all([sql`ended_at IS NULL`, ...inTime(filter, page.after)])}
      ${newestFirst} LIMIT ${EXAMINED_CALLS_MAX}
    ) AS active
    WHERE ${all([...passes(filter), sql`true`])} ${newestFirst} LIMIT ${page.limit}`.execute(executor);
  return found.rows;
};

/** Numbers of this session for what follows, and whether there is an index to search in. */
export const prepareSearch = async (
  trx: Executor,
): Promise<{ readonly hasIndex: boolean; readonly fetchedBefore: number }> => {
  // The planner takes what a stretch has for little or for much by chance, and the table for small before it is analyzed.
  await sql`SET LOCAL enable_seqscan = off`.execute(trx);
  const found = await sql<{ hasIndex: boolean; fetchedBefore: number }>`
    SELECT to_regclass('calls.calls_search') IS NOT NULL AS "hasIndex",
      pg_stat_get_xact_tuples_fetched('calls.calls'::regclass)::int8 AS "fetchedBefore"`.execute(trx);
  return found.rows[0] ?? { hasIndex: false, fetchedBefore: 0 };
};

/** What an index over trigrams is asked for: more of a long term finds no fewer calls, and costs a look-up a character. */
const INDEXED_CHARACTERS_MAX = 40;

type SliceRow = { readonly slice: number; readonly isSpent: boolean } & {
  readonly [Column in keyof Place]: Place[Column] | null;
};

/**
 * Looks into slices by the index, one after another, newest first, until there are `limit` calls or until `fetchedMax` rows
 * of the table were fetched: a term whose trigrams are everywhere and that itself is nowhere fetches them for nothing.
 * Gives the calls, and how many of the slices were looked through.
 */
export const searchSlices = async (
  trx: Executor,
  filter: LogFilter & { readonly name: string },
  slices: readonly Slice[],
  page: {
    readonly after: Position;
    readonly limit: number;
    readonly fetchedBefore: number;
    readonly fetchedMax: number;
  },
): Promise<{ readonly calls: Place[]; readonly looked: number }> => {
  const indexed = [...filter.name].slice(0, INDEXED_CHARACTERS_MAX).join('');
  const found = await sql<SliceRow>`
    SELECT s.slice::int AS slice, spent.is_spent AS "isSpent", m.id, m.started_at
    FROM unnest(${slices.map(({ seed }) => seed)}::int8[]) WITH ORDINALITY AS s (seed, slice)
    CROSS JOIN LATERAL (
      -- Counted by this session as it goes, row by row, also within a statement.
      SELECT pg_stat_get_xact_tuples_fetched('calls.calls'::regclass) - ${page.fetchedBefore}::int8
        + 0 * s.slice >= ${page.fetchedMax}::int8 AS is_spent OFFSET 0
    ) AS spent
    LEFT JOIN LATERAL (
      SELECT id, started_at FROM (
        SELECT * FROM calls.calls
        WHERE ended_at IS NOT NULL
          AND calls.search_keys(account_id, calls.hour_of(started_at)) @> ARRAY[uuid_hash_extended(${filter.accountId}::uuid, s.seed)]
          AND name ILIKE ${`%${escapePattern(indexed)}%`} AND NOT spent.is_spent
        OFFSET 0
      ) AS matching
      WHERE ${all([...inTime(filter, page.after), ...passes(filter)])}
      ${newestFirst} LIMIT ${page.limit}
    ) AS m ON true
    LIMIT ${page.limit + slices.length}`.execute(trx);
  const spentAt = found.rows.find(({ isSpent }) => isSpent)?.slice;
  const calls = found.rows.flatMap(({ id, started_at }) =>
    id === null || started_at === null ? [] : [{ id, started_at }],
  );
  return { calls, looked: spentAt === undefined ? slices.length : spentAt - 1 };
};
