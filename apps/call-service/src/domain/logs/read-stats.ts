import {
  type callStatsAnswer,
  type callStatsQuery,
  callStatuses,
  callTypes,
  errors,
} from '@switchboard/contracts';
import type { z } from 'zod';
import type { Data } from '../database.ts';
import { type Figure, readFigures } from './figures-repository.ts';
import { readTimeRange } from './log-filter.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS_DEFAULT = 7;
const DAYS_MAX = 92;

interface Sum {
  calls: number;
  over: number;
  seconds: number;
}

const averageOf = ({ over, seconds }: Sum): number | null =>
  over === 0 ? null : Math.round((seconds / over) * 10) / 10;

const add = (sum: Sum, { calls, duration_seconds }: Figure): Sum => ({
  calls: sum.calls + calls,
  over: sum.over + (duration_seconds === null ? 0 : calls),
  seconds: sum.seconds + (duration_seconds ?? 0),
});
const NONE: Sum = { calls: 0, over: 0, seconds: 0 };

const countBy = <Name extends string>(
  names: readonly Name[],
  figures: readonly Figure[],
  nameOf: (figure: Figure) => string,
): Record<Name, number> => {
  const counts = new Map<string, number>(names.map((name) => [name, 0]));
  for (const figure of figures) counts.set(nameOf(figure), (counts.get(nameOf(figure)) ?? 0) + figure.calls);
  return Object.fromEntries(counts) as Record<Name, number>;
};

const readRange = (query: z.output<typeof callStatsQuery>, now: Date) => {
  const given = readTimeRange(query);
  const to = new Date(Math.ceil((given.to ?? now).getTime() / HOUR_MS) * HOUR_MS);
  const start = given.from?.getTime() ?? to.getTime() - DAYS_DEFAULT * DAY_MS;
  const from = new Date(Math.floor(start / HOUR_MS) * HOUR_MS);
  if (to <= from) {
    throw errors.invalidParameter([{ field: 'endDate', message: 'must not be before startDate' }]);
  }
  if (to.getTime() - from.getTime() > DAYS_MAX * DAY_MS) {
    throw errors.invalidParameter([
      { field: 'startDate', message: `must be at most ${DAYS_MAX} days before the end` },
    ]);
  }
  return { from, to };
};

/** Figures of an account's calls, by the hour in which they began. Throws INVALID_PARAMETER. */
export const readStats = async (
  { db, clock }: Pick<Data, 'db' | 'clock'>,
  accountId: string,
  query: z.output<typeof callStatsQuery>,
): Promise<z.input<typeof callStatsAnswer>['data']> => {
  const { from, to } = readRange(query, clock.now());
  const figures = await readFigures(db, accountId, { from, to });
  const sum = figures.reduce(add, NONE);
  const hours = new Map<number, Sum>();
  for (const figure of figures) {
    hours.set(figure.hour.getTime(), add(hours.get(figure.hour.getTime()) ?? NONE, figure));
  }
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    total: sum.calls,
    averageDuration: averageOf(sum),
    byStatus: countBy(callStatuses, figures, ({ status }) => status),
    byType: countBy(callTypes, figures, ({ call_type }) => call_type),
    byHour: [...hours].map(([hour, ofHour]) => ({
      hour: new Date(hour).toISOString(),
      calls: ofHour.calls,
      averageDuration: averageOf(ofHour),
    })),
  };
};
