import type { Executor } from '../database.ts';
import { type Counted, cutSpan, readSpans, SPAN_HOURS } from './figures-repository.ts';

/**
 * TERMINOLOGY — *slice*: a stretch of time of one account that the index for searches by name knows by one key
 * (calls.search_keys). *Span*: the width of which it is counted how many calls it has (figures-repository.ts).
 */
export interface Slice {
  /** With the account it makes the key. */
  readonly seed: number;
  readonly from: Date;
  /** Up to but without. */
  readonly until: Date;
  /** More calls than one look may cover, and no narrower slice: it is to be walked through. */
  readonly isTooLarge: boolean;
}

/** As in calls.search_keys. */
const WIDTHS_HOURS: readonly number[] = [4, 16, 64, 256, 1024, 4096];
const HOUR_MS = 3_600_000;

/** One look covers no more calls than this. Wider slices are fewer looks, 25 to 150 µs each, and more calls in vain. */
const SLICE_CALLS_MAX = 10_000;
/** More of those than this that need to be cut finer are left to the next stretch: each has 64 hours to be read. */
const CUT_SPANS_MAX = 16;

const sliceOf = (width: number, at: number, isTooLarge: boolean): Slice => ({
  seed: at * 8 + WIDTHS_HOURS.indexOf(width),
  from: new Date(at * width * HOUR_MS),
  until: new Date((at + 1) * width * HOUR_MS),
  isTooLarge,
});

/** Each in the widest slice that has it and is not too large, newest first. What is counted must be all of the time it is in. */
const gather = (counted: readonly Counted[], widths: readonly number[]): Slice[] => {
  const [narrowest = 0] = widths;
  const atWidth = (at: number, width: number): number => Math.floor((at * narrowest) / width);
  const sums = widths.map((width) => {
    const sum = new Map<number, number>();
    for (const { at, calls } of counted) {
      const wide = atWidth(at, width);
      sum.set(wide, (sum.get(wide) ?? 0) + calls);
    }
    return { width, sum };
  });
  const slices: Slice[] = [];
  for (const { at, calls } of counted) {
    const fitting = sums.findLast(({ width, sum }) => (sum.get(atWidth(at, width)) ?? 0) <= SLICE_CALLS_MAX);
    const width = fitting?.width ?? narrowest;
    const slice = sliceOf(width, atWidth(at, width), fitting === undefined && calls > SLICE_CALLS_MAX);
    if (slices.at(-1)?.seed !== slice.seed) slices.push(slice);
  }
  return slices;
};

const spanOf = (at: Date): number => Math.floor(at.getTime() / HOUR_MS / SPAN_HOURS);

/** The spans of whole slices of the widest kind, which may begin before the one and end after the other. */
const SPANS_OF_WIDEST = (WIDTHS_HOURS.at(-1) ?? SPAN_HOURS) / SPAN_HOURS;
const spansAround = (from: number, to: number) => {
  const startOf = (span: number): number => Math.floor(span / SPANS_OF_WIDEST) * SPANS_OF_WIDEST;
  return { first: startOf(from), last: startOf(to) + SPANS_OF_WIDEST - 1 };
};

/**
 * The slices that together have every call of the account that is over and began between two times, newest first. What it
 * reads is 137 rows a year, and of busy times the hours; `isAll` false says that there is more behind the last slice.
 */
export const planSlices = async (
  executor: Executor,
  accountId: string,
  { from, to }: { readonly from: Date | null; readonly to: Date },
): Promise<{ readonly slices: readonly Slice[]; readonly isAll: boolean }> => {
  const spans = await readSpans(executor, accountId, spansAround(from ? spanOf(from) : 0, spanOf(to)));
  const isAsked = (slice: Slice): boolean => slice.from <= to && (from === null || slice.until > from);
  const [narrowest = 0] = WIDTHS_HOURS;
  const slices: Slice[] = [];
  let cuts = 0;
  for (const slice of gather(spans, WIDTHS_HOURS.slice(2)).filter(isAsked)) {
    if (!slice.isTooLarge) {
      slices.push(slice);
      continue;
    }
    if (cuts === CUT_SPANS_MAX) return { slices, isAll: false };
    cuts += 1;
    const cut = await cutSpan(executor, accountId, { span: spanOf(slice.from), hours: narrowest });
    slices.push(...gather(cut, WIDTHS_HOURS.slice(0, 3)).filter(isAsked));
  }
  return { slices, isAll: true };
};
