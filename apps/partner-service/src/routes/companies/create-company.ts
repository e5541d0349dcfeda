import { partnerRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createCompany } from '../../domain/companies/create-company.ts';

export const postCompany = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.createCompany, async ({ principal, body, idempotencyKey }) => {
    const { companyId, replayed } = await createCompany(data, principal, body, idempotencyKey);
    return {
      status: 201,
      headers: replayHeaders(replayed),
      body: { company_id: companyId, status: 'created', message: 'Company created successfully' },
    };
  });
