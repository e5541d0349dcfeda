import { AppError, type createAgentBody, type PartnerPrincipal, partnerRoutes } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { hashPassword, hashRequest } from '@switchboard/service-kit';
import { z } from 'zod';
import { requireCompanyAccess } from '../access/company-access.ts';
import { runOnce } from '../access/idempotency.ts';
import { requireCompany } from '../companies/require-company.ts';
import type { Data } from '../database.ts';
import { insertAgent } from './agent-repository.ts';
import { deriveTemporaryPassword } from './passwords.ts';

const storedSchema = z.object({ agent_id: z.uuid() });

export interface CreatedAgent {
  readonly agentId: string;
  readonly temporaryPassword: string;
  readonly replayed: boolean;
}

/**
 * Creates an agent of a company with a temporary password that must be changed at first sign-in. Only its hash is
 * stored; the repeat of a request derives it again.
 *
 * @throws COMPANY_ACCESS_DENIED, COMPANY_NOT_FOUND, DUPLICATE_REQUEST (the e-mail address, or the idempotency key)
 */
export const createAgent = async (
  data: Data,
  principal: PartnerPrincipal,
  input: z.output<typeof createAgentBody> & { readonly companyId: string },
  options: { readonly idempotencyKey: string | undefined; readonly passwordSecret: string },
): Promise<CreatedAgent> => {
  requireCompanyAccess(principal, input.companyId);
  const id = data.ids.next();
  // Before the transaction, which shall not wait for a slow hash.
  const passwordHash = await hashPassword(deriveTemporaryPassword(options.passwordSecret, id));
  const answer = await transact(data, ({ trx }) =>
    runOnce(
      {
        trx,
        data,
        principal,
        routeId: partnerRoutes.createAgent.id,
        key: options.idempotencyKey,
        requestHash: hashRequest(input),
      },
      201,
      async () => {
        await requireCompany(trx, principal, input.companyId);
        const { companyId, email, name, role } = input;
        const { environment } = principal;
        const phone = input.phone ?? null;
        const at = data.clock.now();
        const agent = { id, companyId, environment, email, name, role, phone, passwordHash, at };
        if (!(await insertAgent(trx, agent))) {
          throw new AppError('DUPLICATE_REQUEST', {
            message: 'The company has an agent with this e-mail address already',
            details: { field: 'email' },
          });
        }
        return { agent_id: id };
      },
      (stored) => storedSchema.parse(stored),
    ),
  );
  const agentId = answer.body.agent_id;
  return {
    agentId,
    temporaryPassword: deriveTemporaryPassword(options.passwordSecret, agentId),
    replayed: answer.replayed,
  };
};
