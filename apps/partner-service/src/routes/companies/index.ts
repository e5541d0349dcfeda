import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { postCompany } from './create-company.ts';
import { getCompany } from './get-company.ts';
import { getCompanies } from './list-companies.ts';
import { putQuestionnaire } from './put-questionnaire.ts';

export const companyRoutes = (app: FastifyInstance, deps: Deps): void => {
  postCompany(app, deps);
  getCompanies(app, deps);
  getCompany(app, deps);
  putQuestionnaire(app, deps);
};
