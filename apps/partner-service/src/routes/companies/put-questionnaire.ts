import { partnerRoutes } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { putQuestionnaire as writeQuestionnaire } from '../../domain/companies/company-repository.ts';
import { requireCompany } from '../../domain/companies/require-company.ts';

export const putQuestionnaire = (app: FastifyInstance, { data }: Deps): void =>
  implement(app, partnerRoutes.putQuestionnaire, async ({ principal, params, body }) => {
    await transact(data, async ({ trx }) => {
      await requireCompany(trx, principal, params.company_id);
      await writeQuestionnaire(trx, {
        companyId: params.company_id,
        environment: principal.environment,
        questionnaire: body.questionnaire_data,
        at: data.clock.now(),
      });
    });
    return { status: 200, body: { success: true, message: 'Questionnaire updated successfully' } };
  });
