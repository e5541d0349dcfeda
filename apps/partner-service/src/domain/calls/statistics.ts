import { sql } from 'kysely';
import type { Visibility } from '../access/company-access.ts';
import type { Executor } from '../database.ts';
import type { TimeRange } from '../time-range.ts';
import { visibleTo } from './call-repository.ts';

export interface CallFigures {
  readonly totalCalls: number;
  readonly averageScore: number | null;
  readonly minutesAnalyzed: number;
}

export interface PeriodFigures extends CallFigures {
  /** First day of the period, `2026-01-31`; of a week its Monday; of a month `2026-01`. */
  readonly period: string;
}

export interface JobFigures {
  readonly total: number;
  readonly queued: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

const FIGURES = sql`
  count(*)::integer AS "totalCalls",
  round(avg(overall_score), 1)::double precision AS "averageScore",
  round((coalesce(sum(duration_seconds), 0) / 60)::numeric, 1)::double precision AS "minutesAnalyzed"`;

const inRange = ({ from, to }: TimeRange) => sql`created_at >= ${from} AND created_at < ${to}`;

export const sumCalls = async (
  executor: Executor,
  visibility: Visibility,
  range: TimeRange,
): Promise<CallFigures> => {
  const found = await sql<CallFigures>`
    SELECT ${FIGURES} FROM partner.calls WHERE ${visibleTo(visibility)} AND ${inRange(range)}
  `.execute(executor);
  return found.rows[0] ?? { totalCalls: 0, averageScore: null, minutesAnalyzed: 0 };
};

/** The same by day, week (from Monday) or month in UTC, oldest first; periods without calls are left out. */
export const sumCallsByPeriod = async (
  executor: Executor,
  visibility: Visibility,
  range: TimeRange,
  period: 'day' | 'week' | 'month',
): Promise<readonly PeriodFigures[]> => {
  const found = await sql<PeriodFigures>`
    SELECT to_char(date_trunc(${period}, created_at AT TIME ZONE 'UTC'), ${period === 'month' ? 'YYYY-MM' : 'YYYY-MM-DD'}) AS period,
      ${FIGURES}
    FROM partner.calls WHERE ${visibleTo(visibility)} AND ${inRange(range)}
    GROUP BY 1 ORDER BY 1
  `.execute(executor);
  return found.rows;
};

/** Jobs by how they stand, of those made in the range. */
export const countJobs = async (
  executor: Executor,
  visibility: Visibility,
  range: TimeRange,
): Promise<JobFigures> => {
  const found = await sql<{ status: Exclude<keyof JobFigures, 'total'>; count: number }>`
    SELECT status, count(*)::integer AS count
    FROM partner.async_jobs WHERE ${visibleTo(visibility)} AND ${inRange(range)}
    GROUP BY status
  `.execute(executor);
  const figures = { total: 0, queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status, count } of found.rows) {
    figures[status] = count;
    figures.total += count;
  }
  return figures;
};
