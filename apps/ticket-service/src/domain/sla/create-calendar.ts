import type { BusinessHours } from './business-hours.ts';
import type { Calendar } from './policy.ts';

export interface CalendarSettings {
  readonly businessHours: BusinessHours;
  /** Of the IANA database: when it is nine o'clock, and which day is a holiday, is so there. */
  readonly timeZone: string;
  /** `2026-12-25` */
  readonly holidays: readonly string[];
}

/** The windows of a year of the time zone, as moments, and how much business time is before each of them. */
interface Year {
  readonly startMs: number;
  readonly startsMs: readonly number[];
  readonly endsMs: readonly number[];
  readonly beforeMs: readonly number[];
  readonly totalMs: number;
}

const MINUTES_PER_DAY = 1_440;
/** Settings promise nothing that takes longer; who asks for more would otherwise wait for ever. */
const YEARS_MAX = 200;
const YEARS_KEPT_MAX = 64;

/** How many values of a sorted list are at most this. */
const countUpTo = (values: readonly number[], most: number): number => {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * Business time of a time zone. A year is worked out once (5 ms) and then searched, so that neither months nor years cost
 * more than a day.
 *
 * When clocks are put forward, hours that do not exist are not counted; when they are put back, a window goes from the first
 * time that the wall shows its beginning to the first time that it shows its end. So windows never overlap.
 */
export const createCalendar = ({ businessHours, timeZone, holidays }: CalendarSettings): Calendar => {
  const closed = new Set(holidays);
  const years = new Map<number, Year>();

  /** The first moment at which the clock on the wall shows that time, or a later one. */
  const momentOf = (date: Temporal.PlainDate, minute: number): number => {
    const wall = date
      .add({ days: minute === MINUTES_PER_DAY ? 1 : 0 })
      .toPlainDateTime({ hour: Math.floor((minute % MINUTES_PER_DAY) / 60), minute: minute % 60 });
    const moment = wall.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
    const isThere = moment.toPlainDateTime().equals(wall);
    return (isThere ? moment : (moment.getTimeZoneTransition('next') ?? moment)).epochMilliseconds;
  };

  const workOut = (number: number): Year => {
    const startsMs: number[] = [];
    const endsMs: number[] = [];
    const beforeMs: number[] = [];
    let totalMs = 0;
    const first = new Temporal.PlainDate(number, 1, 1);
    for (let date = first; date.year === number; date = date.add({ days: 1 })) {
      if (closed.has(date.toString())) continue;
      for (const { fromMinute, toMinute } of businessHours[date.dayOfWeek - 1] ?? []) {
        const startMs = momentOf(date, fromMinute);
        const endMs = momentOf(date, toMinute);
        if (endMs <= startMs) continue;
        startsMs.push(startMs);
        endsMs.push(endMs);
        beforeMs.push(totalMs);
        totalMs += endMs - startMs;
      }
    }
    return { startMs: momentOf(first, 0), startsMs, endsMs, beforeMs, totalMs };
  };

  const yearOf = (number: number): Year => {
    const known = years.get(number);
    if (known) return known;
    if (years.size >= YEARS_KEPT_MAX) years.clear();
    const year = workOut(number);
    years.set(number, year);
    return year;
  };

  /** The year that a moment is in, over there. */
  const numberAt = (ms: number): number => {
    const number = new Date(ms).getUTCFullYear();
    if (ms < yearOf(number).startMs) return number - 1;
    return ms < yearOf(number + 1).startMs ? number : number + 1;
  };

  /** Business time of a year until then. */
  const usedMs = ({ startsMs, endsMs, beforeMs }: Year, ms: number): number => {
    const at = countUpTo(startsMs, ms) - 1;
    if (at < 0) return 0;
    return (beforeMs[at] as number) + Math.min(ms, endsMs[at] as number) - (startsMs[at] as number);
  };

  return {
    add(from, ms) {
      if (ms <= 0) return from;
      const first = numberAt(from.getTime());
      let leftMs = usedMs(yearOf(first), from.getTime()) + ms;
      for (let number = first; number < first + YEARS_MAX; number += 1) {
        const { startsMs, beforeMs, totalMs } = yearOf(number);
        if (leftMs > totalMs) {
          leftMs -= totalMs;
          continue;
        }
        // The last window that begins before so much is used.
        const at = countUpTo(beforeMs, leftMs - 1) - 1;
        return new Date((startsMs[at] as number) + leftMs - (beforeMs[at] as number));
      }
      throw new RangeError(`there are no ${ms} ms of business time in the next ${YEARS_MAX} years`);
    },
    between(from, to) {
      if (to <= from) return 0;
      const last = numberAt(to.getTime());
      let ms = usedMs(yearOf(last), to.getTime());
      let number = numberAt(from.getTime());
      ms -= usedMs(yearOf(number), from.getTime());
      for (; number < last; number += 1) ms += yearOf(number).totalMs;
      return ms;
    },
  };
};
