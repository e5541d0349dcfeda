/**
 * TERMINOLOGY — *window*: from when to when work is done on a day, in minutes of the clock on its wall; 1,440 is midnight
 * at its end.
 */
export interface Window {
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** The windows of each day of a week, Monday first; in order, and none touches the next. */
export type BusinessHours = readonly (readonly Window[])[];

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MINUTES_PER_DAY = 1_440;
const ENTRY = /^([a-z]{3})(?:-([a-z]{3}))? +(\d{2}):(\d{2}) *- *(\d{2}):(\d{2})$/;

/** `fri-mon` goes over the weekend. */
const daysBetween = (first: number, last: number): number[] =>
  Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);

const minuteOf = (hours: string, minutes: string): number | undefined => {
  const minute = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && minute <= MINUTES_PER_DAY ? minute : undefined;
};

const merge = (windows: readonly Window[]): readonly Window[] => {
  const merged: Window[] = [];
  for (const window of windows.toSorted((a, b) => a.fromMinute - b.fromMinute)) {
    const last = merged.at(-1);
    if (last && window.fromMinute <= last.toMinute) {
      merged[merged.length - 1] = { ...last, toMinute: Math.max(last.toMinute, window.toMinute) };
    } else merged.push(window);
  }
  return merged;
};

const readEntry = (entry: string): { days: number[]; window: Window } | undefined => {
  const [, first = '', last = first, ...times] = ENTRY.exec(entry) ?? [];
  const [fromHours = '', fromMinutes = '', toHours = '', toMinutes = ''] = times;
  const from = DAYS.indexOf(first);
  const to = DAYS.indexOf(last);
  const fromMinute = minuteOf(fromHours, fromMinutes);
  const toMinute = minuteOf(toHours, toMinutes);
  if (from === -1 || to === -1 || fromMinute === undefined || toMinute === undefined) return undefined;
  return fromMinute < toMinute
    ? { days: daysBetween(from, to), window: { fromMinute, toMinute } }
    : undefined;
};

/** `always`, or `mon-fri 09:00-17:00,sat 10:00-14:00`; undefined where it is not written so. */
export const readBusinessHours = (text: string): BusinessHours | undefined => {
  const words = text.trim().toLowerCase();
  const entries = (words === 'always' ? 'mon-sun 00:00-24:00' : words)
    .split(',')
    .map((entry) => entry.trim());
  const week: Window[][] = DAYS.map(() => []);
  for (const entry of entries) {
    const read = readEntry(entry);
    if (!read) return undefined;
    for (const day of read.days) week[day]?.push(read.window);
  }
  return week.map(merge);
};

/** Of a week without holidays, in milliseconds. */
export const weeklyMs = (hours: BusinessHours): number =>
  hours.flat().reduce((sum, { fromMinute, toMinute }) => sum + (toMinute - fromMinute) * 60_000, 0);
