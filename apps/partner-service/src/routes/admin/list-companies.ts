import { partnerAdminRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { listAllCompanies } from '../../domain/administration/list-all-companies.ts';

export const getPartnerCompanies = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerAdminRoutes.listCompanies, async ({ query }) => {
    const { limit } = query;
    const filter = { environment: query.environment ?? null, search: query.search || null };
    const after = decodeCursor(query.cursor);
    const page = toPage(await listAllCompanies(data.db, filter, { limit, after }), limit, (one) => one);
    return {
      status: 200,
      body: {
        companies: page.rows.map((one) => ({
          id: one.id,
          environment: one.environment,
          name: one.name,
          industry: one.industry,
          contact_email: one.contactEmail,
          total_agents: one.totalAgents,
          total_calls: one.totalCalls,
          created_at: one.createdAt.toISOString(),
        })),
        next_cursor: page.nextCursor,
      },
    };
  });
