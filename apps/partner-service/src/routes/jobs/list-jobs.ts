import { partnerRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { visibilityOf } from '../../domain/access/company-access.ts';
import { toJobAnswer } from '../../domain/jobs/job-answer.ts';
import { listJobs } from '../../domain/jobs/job-repository.ts';

export const getJobs = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.listJobs, async ({ principal, query }) => {
    const { limit } = query;
    const after = decodeCursor(query.cursor);
    const filter = { status: query.status ?? null };
    const rows = await listJobs(data.db, visibilityOf(principal), filter, { limit, after });
    const page = toPage(rows, limit, (job) => job);
    return {
      status: 200,
      headers: { 'cache-control': 'private' },
      body: { jobs: page.rows.map(toJobAnswer), next_cursor: page.nextCursor },
    };
  });
