import { partnerRoutes } from '@switchboard/contracts';
import { decodeCursor, implement, toPage } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { countCompanies, listCompanies } from '../../domain/companies/company-repository.ts';

const ACCESS = {
  all_companies: 'This API key has access to all companies',
  single_company: 'This API key has access to one company',
} as const;

export const getCompanies = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.listCompanies, async ({ principal, query }) => {
    const { limit, offset } = query;
    const after = decodeCursor(query.cursor);
    const filter = {
      environment: principal.environment,
      companyId: principal.company_id,
      search: query.search?.trim() || null,
    };
    const [rows, total] = await Promise.all([
      listCompanies(data.db, filter, { limit, offset, after }),
      countCompanies(data.db, filter),
    ]);
    const page = toPage(rows, limit, (company) => company);
    const access = principal.company_id === null ? 'all_companies' : 'single_company';
    return {
      status: 200,
      body: {
        companies: page.rows.map(({ id, name, industry, createdAt }) => ({
          id,
          name,
          industry,
          created_at: createdAt.toISOString(),
        })),
        total,
        limit,
        offset,
        next_cursor: page.nextCursor,
        partner_access: access,
        message: ACCESS[access],
      },
    };
  });
