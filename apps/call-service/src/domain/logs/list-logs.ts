import type { callLogSchema, listCallLogsQuery } from '@switchboard/contracts';
import type { Position } from '@switchboard/service-kit';
import type { z } from 'zod';
import { callLogOf } from '../calls/call-answer.ts';
import { readActions } from '../calls/frame-repository.ts';
import type { Data, Executor } from '../database.ts';
import { decodeLogCursor, encodeLogCursor } from './log-cursor.ts';
import { type LogFilter, readLogFilter } from './log-filter.ts';
import {
  countExactly,
  EXAMINED_CALLS_MAX,
  findOne,
  isActive,
  isExact,
  listActive,
  listExactly,
  type Place,
  prepareSearch,
  readFound,
  searchSlices,
  walk,
} from './log-repository.ts';
import { planSlices } from './slices.ts';

/** What is asked for of a list: so many that pass, newest first, behind a position. */
interface Wanted {
  readonly after: Position | null;
  readonly limit: number;
}

/** What was found, and where looking ended when there may be more behind it although fewer were found than wanted. */
interface Found {
  readonly calls: readonly Place[];
  readonly end: Position | null;
}

/** A name that many have is on the first page at once, and costs no look into the index. */
const PROBED_CALLS = 1_000;
/** A search fetches no more rows than this by the index, and those of one slice. */
const FETCHED_ROWS_MAX = 20_000;
/** One statement looks into no more slices than this, and one request makes no more statements than that. */
const SLICES_PER_LOOK = 64;
const LOOKS_MAX = 8;
/** Runs that have a trigram: shorter ones are in no index. */
const INDEXED_RUN = /[\p{L}\p{N}]{3}/u;

const NO_ID = '00000000-0000-0000-0000-000000000000';
/** Behind everything that began at that time or later. */
const positionAt = (createdAt: Date): Position => ({ createdAt, id: NO_ID });

const byNewest = (one: Place, other: Place): number =>
  other.started_at.getTime() - one.started_at.getTime() || (one.id < other.id ? 1 : -1);

type NameFilter = LogFilter & { readonly name: string };

/** Searches behind a position by the index, which knows the calls that are over. */
const searchBehind = async (
  trx: Executor,
  filter: NameFilter,
  { after, limit }: { readonly after: Position; readonly limit: number },
  fetchedBefore: number,
): Promise<Found> => {
  const active = await listActive(trx, filter, { after, limit });
  const { slices, isAll } = await planSlices(trx, filter.accountId, {
    from: filter.from,
    to: after.createdAt,
  });
  const over: Place[] = [];
  let looked = 0;
  let end: Position | null = null;
  for (let looks = 0; looked < slices.length && over.length < limit && looks < LOOKS_MAX; looks += 1) {
    const tooLarge = slices.slice(looked, looked + SLICES_PER_LOOK).findIndex(({ isTooLarge }) => isTooLarge);
    if (tooLarge === 0) break;
    const some = slices.slice(looked, looked + (tooLarge < 0 ? SLICES_PER_LOOK : tooLarge));
    const found = await searchSlices(trx, filter, some, {
      after,
      limit: limit - over.length,
      fetchedBefore,
      fetchedMax: FETCHED_ROWS_MAX,
    });
    over.push(...found.calls);
    looked += found.looked;
    if (found.looked < some.length) break;
  }
  const next = slices[looked];
  const newerThan = (from: Date) => [...over, ...active.filter((call) => call.started_at >= from)];
  const isFull = over.length >= limit;
  if (!isFull && next !== undefined) {
    // Everything down to the end of the last slice was looked through, and nothing behind it.
    const bottom = slices[looked - 1]?.from ?? after.createdAt;
    end = looked === 0 ? after : positionAt(bottom);
    const calls = looked === 0 ? [] : newerThan(bottom);
    if (!next.isTooLarge) return { calls: calls.sort(byNewest).slice(0, limit), end };
    const walked = await walk(trx, filter, { after: end, limit, examined: EXAMINED_CALLS_MAX });
    const all = [...calls, ...walked.calls].sort(byNewest).slice(0, limit);
    return { calls: all, end: all.length === limit ? null : walked.end };
  }
  if (!isFull && !isAll) {
    const bottom = slices.at(-1)?.from ?? after.createdAt;
    return { calls: newerThan(bottom).sort(byNewest).slice(0, limit), end: positionAt(bottom) };
  }
  return { calls: [...over, ...active].sort(byNewest).slice(0, limit), end: null };
};

const search = async (trx: Executor, filter: NameFilter, wanted: Wanted): Promise<Found> => {
  const { hasIndex, fetchedBefore } = await prepareSearch(trx);
  const canUseIndex = hasIndex && INDEXED_RUN.test(filter.name);
  const examined = canUseIndex ? PROBED_CALLS : EXAMINED_CALLS_MAX;
  const probed = await walk(trx, filter, { ...wanted, examined });
  if (!canUseIndex || probed.end === null || probed.calls.length === wanted.limit) return probed;
  const behind = await searchBehind(
    trx,
    filter,
    { after: probed.end, limit: wanted.limit - probed.calls.length },
    fetchedBefore,
  );
  return { calls: [...probed.calls, ...behind.calls], end: behind.end };
};

/**
 * Calls of an account, newest first. What it costs is bounded whatever is asked for and however many there are: by an index
 * that gives those that pass and no others, or by looking at no more than so many, and a cursor that goes on from there.
 */
const find = async (trx: Executor, filter: LogFilter, wanted: Wanted): Promise<Found> => {
  const { callId, name, digits, status } = filter;
  if (callId !== null) return { calls: await findOne(trx, filter), end: null };
  if (name === null || digits !== null || isActive(status)) {
    return walk(trx, filter, { ...wanted, examined: EXAMINED_CALLS_MAX });
  }
  return search(trx, { ...filter, name }, wanted);
};

/** Counting goes no further than this: more is no figure that people need, and takes time at every first page. */
const COUNTED_CALLS_MAX = 1_000;

type Query = z.output<typeof listCallLogsQuery>;

interface LogPage {
  readonly calls: z.input<typeof callLogSchema>[];
  readonly total?: number;
  readonly nextCursor: string | null;
}

const readPage = async (db: Executor, filter: LogFilter, query: Query) => {
  const { limit, offset, cursor } = query;
  const { after, skip } = decodeLogCursor(cursor, offset);
  if (isExact(filter)) {
    const rows = await listExactly(db, filter, { after, skip, limit: limit + 1 });
    return { rows, end: null, skipLeft: 0 };
  }
  // What is asked in several statements is asked of one moment: a call that begins in between would move the end.
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const { calls, end } = await find(trx, filter, { after, limit: skip + limit + 1 });
      const rows = await readFound(trx, calls.slice(skip));
      return { rows, end, skipLeft: Math.max(0, skip - calls.length) };
    });
};

/** A page of the call log. Throws INVALID_PARAMETER. */
export const listLogs = async (
  { db }: Pick<Data, 'db'>,
  accountId: string,
  query: Query,
): Promise<LogPage> => {
  const { limit, offset, cursor } = query;
  const filter = readLogFilter(accountId, query);
  if (filter === null) return { calls: [], total: 0, nextCursor: null };
  const { rows, end, skipLeft } = await readPage(db, filter, query);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  let nextCursor: string | null = null;
  if (rows.length > limit && last) nextCursor = encodeLogCursor({ createdAt: last.started_at, id: last.id });
  else if (end) nextCursor = encodeLogCursor(end, skipLeft);

  let total: number | undefined;
  if (cursor === undefined) {
    if (nextCursor === null && (offset === 0 || page.length > 0)) total = offset + page.length;
    else if (isExact(filter)) {
      const counted = await countExactly(db, filter, COUNTED_CALLS_MAX + 1);
      if (counted <= COUNTED_CALLS_MAX) total = counted;
    }
  }
  const actions = await readActions(
    db,
    page.map(({ id }) => id),
  );
  return {
    calls: page.map((call) => callLogOf(call, actions.get(call.id) ?? [])),
    ...(total === undefined ? {} : { total }),
    nextCursor,
  };
};
