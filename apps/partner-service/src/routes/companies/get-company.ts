import { AppError, partnerRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { requireCompanyAccess } from '../../domain/access/company-access.ts';
import { findCompany } from '../../domain/companies/company-repository.ts';

export const getCompany = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.getCompany, async ({ principal, params }) => {
    requireCompanyAccess(principal, params.company_id);
    const { environment } = principal;
    const company = await findCompany(data.db, { id: params.company_id, environment });
    if (!company) throw new AppError('COMPANY_NOT_FOUND');
    return {
      status: 200,
      body: {
        id: company.id,
        name: company.name,
        industry: company.industry,
        contact_email: company.contactEmail,
        created_at: company.createdAt.toISOString(),
        questionnaire_data: company.questionnaire,
        total_agents: company.totalAgents,
        total_calls: company.totalCalls,
      },
    };
  });
