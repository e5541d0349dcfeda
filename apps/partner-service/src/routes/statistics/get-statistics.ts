import { partnerRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { visibilityOf } from '../../domain/access/company-access.ts';
import { type CallFigures, countJobs, sumCalls, sumCallsByPeriod } from '../../domain/calls/statistics.ts';
import { requireCompany } from '../../domain/companies/require-company.ts';
import { readBoundedRange } from '../../domain/time-range.ts';

const DAYS = { default: 30, max: 366 };

const toFigures = ({ totalCalls, averageScore, minutesAnalyzed }: CallFigures) => ({
  total_calls: totalCalls,
  average_score: averageScore,
  minutes_analyzed: minutesAnalyzed,
});

export const getStatistics = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.getStatistics, async ({ principal, query }) => {
    const range = readBoundedRange(query, data.clock.now(), DAYS);
    const visible = visibilityOf(principal);
    if (query.company_id) await requireCompany(data.db, principal, query.company_id);
    const scope = { ...visible, companyId: query.company_id ?? visible.companyId };
    const [figures, jobs, periods] = await Promise.all([
      sumCalls(data.db, scope, range),
      countJobs(data.db, scope, range),
      query.group_by ? sumCallsByPeriod(data.db, scope, range, query.group_by) : undefined,
    ]);
    return {
      status: 200,
      headers: { 'cache-control': 'private' },
      body: {
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        ...toFigures(figures),
        jobs,
        ...(periods && {
          periods: periods.map((each) => ({ period: each.period, ...toFigures(each) })),
        }),
      },
    };
  });
