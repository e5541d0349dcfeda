import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/**
 * What calls add up to, so that nobody counts the log: by the hour in which they began (`call_hours`), and how many began in
 * each *span* (`call_spans`). Both know the calls that are over.
 */
const HOUR_MS = 3_600_000;
/** The width of a span. */
export const SPAN_HOURS = 64;

/** A call that is over. */
export interface CountedCall {
  readonly startedAt: Date;
  readonly callType: string;
  readonly status: string;
  readonly durationSeconds: number;
}

/**
 * Adds calls that are over to the figures; last in its transaction, because calls of one account that end at once wait for
 * each other here, and in one order everywhere, so that none of them wait for ever.
 */
export const countCalls = async (
  trx: Executor,
  accountId: string,
  calls: readonly CountedCall[],
): Promise<void> => {
  if (calls.length === 0) return;
  const started = calls.map((call) => call.startedAt);
  await sql`
    INSERT INTO calls.call_hours AS h (account_id, hour_started_at, call_type, status, calls, duration_seconds)
    SELECT ${accountId}::uuid, date_trunc('hour', started_at, 'UTC') AS hour, call_type, status, count(*), sum(duration)
    FROM unnest(
      ${started}::timestamptz[],
      ${calls.map((call) => call.callType)}::text[],
      ${calls.map((call) => call.status)}::text[],
      ${calls.map((call) => call.durationSeconds)}::bigint[]
    ) AS given (started_at, call_type, status, duration)
    GROUP BY hour, call_type, status ORDER BY hour, call_type, status
    ON CONFLICT (account_id, hour_started_at, call_type, status) DO UPDATE
    SET calls = h.calls + excluded.calls, duration_seconds = h.duration_seconds + excluded.duration_seconds`.execute(
    trx,
  );
  await sql`
    INSERT INTO calls.call_spans AS s (account_id, span, calls)
    SELECT ${accountId}::uuid, calls.hour_of(started_at) / ${SPAN_HOURS}::bigint AS span, count(*)
    FROM unnest(${started}::timestamptz[]) AS given (started_at) GROUP BY span ORDER BY span
    ON CONFLICT (account_id, span) DO UPDATE SET calls = s.calls + excluded.calls`.execute(trx);
};

export interface Figure {
  readonly hour: Date;
  readonly call_type: string;
  readonly status: string;
  readonly calls: number;
  /** Null while they are not over. */
  readonly duration_seconds: number | null;
}

/** Figures of the calls that are over, of which each hour has at most eight, and the calls that are not. */
export const readFigures = async (
  executor: Executor,
  accountId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<readonly Figure[]> => {
  const found = await sql<Figure>`
    SELECT hour_started_at AS hour, call_type, status, calls, duration_seconds FROM calls.call_hours
    WHERE account_id = ${accountId} AND hour_started_at >= ${from} AND hour_started_at < ${to}
    UNION ALL
    SELECT date_trunc('hour', started_at, 'UTC'), call_type, status, count(*)::int8, NULL FROM calls.calls
    WHERE ended_at IS NULL AND account_id = ${accountId} AND started_at >= ${from} AND started_at < ${to}
    GROUP BY 1, 2, 3
    ORDER BY 1`.execute(executor);
  return found.rows;
};

/** How many calls began in a stretch of time: the one with this number, counted from 1970 in widths of its kind. */
export interface Counted {
  readonly at: number;
  readonly calls: number;
}

/** The spans from one to another that have calls, newest first. */
export const readSpans = async (
  executor: Executor,
  accountId: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<readonly Counted[]> => {
  const found = await sql<Counted>`
    SELECT span AS at, calls::int AS calls FROM calls.call_spans
    WHERE account_id = ${accountId} AND span BETWEEN ${first} AND ${last} AND calls > 0 ORDER BY span DESC`.execute(
    executor,
  );
  return found.rows;
};

/** One span by stretches of so many hours, those that have calls, newest first. */
export const cutSpan = async (
  executor: Executor,
  accountId: string,
  { span, hours }: { readonly span: number; readonly hours: number },
): Promise<readonly Counted[]> => {
  const found = await sql<Counted>`
    SELECT (calls.hour_of(hour_started_at) / ${hours})::int AS at, sum(calls)::int AS calls FROM calls.call_hours
    WHERE account_id = ${accountId} AND hour_started_at >= ${new Date(span * SPAN_HOURS * HOUR_MS)}
      AND hour_started_at < ${new Date((span + 1) * SPAN_HOURS * HOUR_MS)} AND calls > 0
    GROUP BY 1 ORDER BY 1 DESC`.execute(executor);
  return found.rows;
};
