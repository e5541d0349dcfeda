import { errors } from '@switchboard/contracts';

/** From (included) to (excluded). */
export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

const DAY_MS = 86_400_000;

const isDay = (text: string): boolean => text.length === 10;

/** What `9999-12-31`, which many write for "no end", comes to; later times have no ISO form of four-digit years. */
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Nor have times before this one. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00.000Z');

const timeAt = (unixMs: number): Date => new Date(Math.max(FIRST_MS, Math.min(unixMs, LAST_MS)));

/** A day begins at its midnight (UTC); as an end it is included whole. */
const startOf = (text: string): Date => timeAt(Date.parse(text));
const endOf = (text: string): Date => timeAt(Date.parse(text) + (isDay(text) ? DAY_MS : 0));

export interface OpenRange {
  readonly from: Date | null;
  readonly to: Date | null;
}

/** `from` and `to` of a query, either of them open. Throws INVALID_PARAMETER when they are the wrong way round. */
export const readRange = (query: { from?: string | undefined; to?: string | undefined }): OpenRange => {
  const from = query.from === undefined ? null : startOf(query.from);
  const to = query.to === undefined ? null : endOf(query.to);
  if (from && to && from >= to) {
    throw errors.invalidParameter([{ field: 'to', message: 'must be after from' }]);
  }
  return { from, to };
};

/**
 * The same with both ends: `to` is now and `from` the given days before it, unless said. At most `daysMax` long, so
 * that no question reads years of calls.
 */
export const readBoundedRange = (
  query: { from?: string | undefined; to?: string | undefined },
  now: Date,
  days: { readonly default: number; readonly max: number },
): TimeRange => {
  const open = readRange(query);
  const to = open.to ?? (open.from && open.from >= now ? timeAt(open.from.getTime() + DAY_MS) : now);
  const from = open.from ?? timeAt(to.getTime() - days.default * DAY_MS);
  if (to.getTime() - from.getTime() > days.max * DAY_MS) {
    throw errors.invalidParameter([{ field: 'from', message: `must be at most ${days.max} days before to` }]);
  }
  return { from, to };
};
