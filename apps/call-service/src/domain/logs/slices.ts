import { sql } from 'kysely';
import type { Executor } from '../database.ts';

/**
 * TERMINOLOGY — *slice*: a stretch of time of one account that the index for searches by name knows by one key
 * (calls.search_keys). *Span*: the width of which it is counted how many calls it has.
 */
export interface Slice {
  /** With the account it makes the key. */
  readonly seed: number;
  readonly from: Date;
  /** More calls than one look may cover, and no narrower slice: it is to be walked through. */
  readonly isTooLarge: boolean;
}

/** As in calls.search_keys. */
const WIDTHS_HOURS: readonly number[] = [4, 16, 64, 256, 1024, 4096];
const SPAN_HOURS = 256;
const HOUR_MS = 3_600_000;

/** One look covers no more calls than this. Wider slices are fewer looks, 25 to 150 µs each, and more calls in vain. */
export const SLICE_CALLS_MAX = 10_000;
/** More of those than this that need to be cut finer are left to the next stretch: each has 256 hours to be read. */
const CUT_SPANS_MAX = 8;

interface Counted {
  /** Counted in widths. */
  readonly at: number;
  readonly calls: number;
}

const sliceOf = (width: number, at: number, isTooLarge: boolean): Slice => ({
  seed: at * 8 + WIDTHS_HOURS.indexOf(width),
  from: new Date(at * width * HOUR_MS),
  isTooLarge,
});

/** Puts what is counted together into the widest slices that are not too large, newest first. */
const gather = (counted: readonly Counted[], widths: readonly number[]): Slice[] => {
  const [width = 0, wider] = widths;
  if (wider === undefined) {
    return counted.map(({ at, calls }) => sliceOf(width, at, calls > SLICE_CALLS_MAX));
  }
  const slices: Slice[] = [];
  const factor = wider / width;
  const parents = new Map<number, Counted[]>();
  for (const each of counted) {
    const parent = Math.floor(each.at / factor);
    parents.set(parent, [...(parents.get(parent) ?? []), each]);
  }
  let fitting: Counted[] = [];
  const flush = () => {
    slices.push(...gather(fitting, widths.slice(1)));
    fitting = [];
  };
  for (const [at, children] of parents) {
    const calls = children.reduce((sum, child) => sum + child.calls, 0);
    if (calls <= SLICE_CALLS_MAX) {
      fitting.push({ at, calls });
      continue;
    }
    flush();
    slices.push(...children.map((child) => sliceOf(width, child.at, child.calls > SLICE_CALLS_MAX)));
  }
  flush();
  return slices;
};

const readSpans = async (executor: Executor, accountId: string, from: number, to: number) => {
  const found = await sql<Counted>`
    SELECT span AS at, calls FROM calls.call_spans
    WHERE account_id = ${accountId} AND span BETWEEN ${from} AND ${to} AND calls > 0 ORDER BY span DESC`.execute(
    executor,
  );
  return found.rows;
};

/** A span in its four hours. */
const cutSpan = async (executor: Executor, accountId: string, span: number) => {
  const [width = 0] = WIDTHS_HOURS;
  const found = await sql<Counted>`
    SELECT (calls.hour_of(hour_started_at) / ${width})::int AS at, sum(calls)::int8 AS calls FROM calls.call_hours
    WHERE account_id = ${accountId} AND hour_started_at >= ${new Date(span * SPAN_HOURS * HOUR_MS)}
      AND hour_started_at < ${new Date((span + 1) * SPAN_HOURS * HOUR_MS)} AND calls > 0
    GROUP BY 1 ORDER BY 1 DESC`.execute(executor);
  return found.rows;
};

const spanOf = (at: Date): number => Math.floor(at.getTime() / HOUR_MS / SPAN_HOURS);

/**
 * The slices that together have every call of the account that is over and began between two times, newest first. What it
 * reads is 34 rows a year, and of busy times the hours; `isAll` false says that there is more behind the last slice.
 */
export const planSlices = async (
  executor: Executor,
  accountId: string,
  { from, to }: { readonly from: Date | null; readonly to: Date },
): Promise<{ readonly slices: readonly Slice[]; readonly isAll: boolean }> => {
  const spans = await readSpans(executor, accountId, from ? spanOf(from) : 0, spanOf(to));
  const slices: Slice[] = [];
  let cuts = 0;
  let fitting: Counted[] = [];
  const flush = () => {
    slices.push(...gather(fitting, WIDTHS_HOURS.slice(3)));
    fitting = [];
  };
  for (const span of spans) {
    if (span.calls <= SLICE_CALLS_MAX) {
      fitting.push(span);
      continue;
    }
    flush();
    if (cuts === CUT_SPANS_MAX) return { slices: upTo(slices, to), isAll: false };
    cuts += 1;
    slices.push(...gather(await cutSpan(executor, accountId, span.at), WIDTHS_HOURS.slice(0, 4)));
  }
  flush();
  return { slices: upTo(slices, to), isAll: true };
};

/** Without those that are newer altogether. */
const upTo = (slices: readonly Slice[], to: Date): Slice[] => slices.filter(({ from }) => from <= to);
