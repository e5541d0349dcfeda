import { partnerRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { countAgents, listAgents } from '../../domain/agents/agent-repository.ts';
import { requireCompany } from '../../domain/companies/require-company.ts';

export const getAgents = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.listAgents, async ({ principal, params, query }) => {
    const { limit, offset } = query;
    const after = decodeCursor(query.cursor);
    await requireCompany(data.db, principal, params.company_id);
    const [rows, total] = await Promise.all([
      listAgents(data.db, params.company_id, { limit, offset, after }),
      countAgents(data.db, params.company_id),
    ]);
    const page = toPage(rows, limit, (agent) => agent);
    return {
      status: 200,
      body: {
        agents: page.rows.map((agent) => ({
          id: agent.id,
          email: agent.email,
          name: agent.name,
          role: agent.role,
          created_at: agent.createdAt.toISOString(),
          total_calls: agent.totalCalls,
          average_score: agent.averageScore,
        })),
        total,
        next_cursor: page.nextCursor,
      },
    };
  });
