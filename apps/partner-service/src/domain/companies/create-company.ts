import { type createCompanyBody, type PartnerPrincipal, partnerRoutes } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { hashRequest } from '@switchboard/service-kit';
import { z } from 'zod';
import { requireUnboundKey } from '../access/company-access.ts';
import { runOnce } from '../access/idempotency.ts';
import type { Data } from '../database.ts';
import { insertCompany } from './company-repository.ts';

const storedSchema = z.object({ company_id: z.uuid() });

/**
 * Creates a company in the environment of the key. A repeated idempotency key gives the first one's id.
 *
 * @throws COMPANY_ACCESS_DENIED for a bound key, DUPLICATE_REQUEST
 */
export const createCompany = async (
  data: Data,
  principal: PartnerPrincipal,
  input: z.output<typeof createCompanyBody>,
  idempotencyKey: string | undefined,
): Promise<{ companyId: string; replayed: boolean }> => {
  requireUnboundKey(principal);
  const answer = await transact(data, ({ trx }) =>
    runOnce(
      {
        trx,
        data,
        principal,
        routeId: partnerRoutes.createCompany.id,
        key: idempotencyKey,
        requestHash: hashRequest(input),
      },
      201,
      async () => {
        const id = data.ids.next();
        await insertCompany(trx, {
          id,
          environment: principal.environment,
          name: input.name,
          contactEmail: input.contact_email,
          industry: input.industry ?? null,
          questionnaire: input.questionnaire_data ?? null,
          at: data.clock.now(),
        });
        return { company_id: id };
      },
      (stored) => storedSchema.parse(stored),
    ),
  );
  return { companyId: answer.body.company_id, replayed: answer.replayed };
};
