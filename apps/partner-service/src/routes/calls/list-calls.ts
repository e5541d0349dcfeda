import { partnerRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { requireCompanyAccess, visibilityOf } from '../../domain/access/company-access.ts';
import { listCalls } from '../../domain/calls/call-repository.ts';
import { readRange } from '../../domain/time-range.ts';
import { toCallAnswer } from './call-answer.ts';

export const getCalls = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.listCalls, async ({ principal, query }) => {
    const { limit } = query;
    const after = decodeCursor(query.cursor);
    const range = readRange(query);
    if (query.company_id) requireCompanyAccess(principal, query.company_id);
    const filter = { ...range, companyId: query.company_id ?? null, agentId: query.agent_id ?? null };
    const rows = await listCalls(data.db, visibilityOf(principal), filter, { limit, after });
    const page = toPage(rows, limit, (call) => call);
    return {
      status: 200,
      headers: { 'cache-control': 'private' },
      body: { calls: page.rows.map(toCallAnswer), next_cursor: page.nextCursor },
    };
  });
