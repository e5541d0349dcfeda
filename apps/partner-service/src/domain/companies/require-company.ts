import { AppError, type PartnerPrincipal } from '@switchboard/contracts';
import { requireCompanyAccess } from '../access/company-access.ts';
import type { Executor } from '../database.ts';
import { companyExists } from './company-repository.ts';

/**
 * Access first, existence second: a bound key learns nothing about other companies, and a company of the other
 * environment is not there.
 *
 * @throws COMPANY_ACCESS_DENIED, COMPANY_NOT_FOUND
 */
export const requireCompany = async (
  executor: Executor,
  principal: PartnerPrincipal,
  companyId: string,
): Promise<void> => {
  requireCompanyAccess(principal, companyId);
  const { environment } = principal;
  if (!(await companyExists(executor, { id: companyId, environment }))) {
    throw new AppError('COMPANY_NOT_FOUND');
  }
};
